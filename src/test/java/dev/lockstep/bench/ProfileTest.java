package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.util.List;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileTest {
    private static final long SPIN_NANOS = 1_000_000_000;

    @TempDir
    Path directory;

    private static long spin() {
        long state = 1;
        for (long begin = System.nanoTime(); System.nanoTime() - begin < SPIN_NANOS; ) {
            for (int i = 0; i < 1_000; i++) {
                state = state * 6364136223846793005L + 1442695040888963407L;
            }
        }
        return state;
    }

    @Test
    void samplesCountForOurMethods() throws IOException, ParseException {
        Path settings = Files.writeString(directory.resolve("samples.jfc"), Profile.SETTINGS);
        Path file = directory.resolve("recording.jfr");
        try (Recording recording = new Recording(Configuration.create(settings))) {
            recording.start();
            assertThat(spin()).isNotZero();
            recording.stop();
            recording.dump(file);
        }
        List<String> lines = Profile.lines(List.of(file));
        assertThat(lines.get(0)).matches("\\d+ samples of 1 JVMs, one each 10 ms .*");
        assertThat(lines.get(1)).endsWith("%  ProfileTest.spin");
    }

    @Test
    void aJvmIsToldWhereToLeaveItsRecording() {
        assertThat(Profile.jvmOptions(Path.of("/a/b.jfr"), Path.of("/c.jfc")))
                .contains("-XX:StartFlightRecording:settings=/c.jfc,filename=/a/b.jfr");
    }
}
