package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code export} writes comes back by {@code --init-weights} with the same bits. */
@ExtendWith(LeakCheck.class)
class ExportCommandTest {
    @TempDir
    Path directory;

    private Path data;
    private Path model;
    private String sha256;

    @BeforeEach
    void train() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        model = directory.resolve("run/model.safetensors");
        sha256 = train("run", "--iterations", 20);
    }

    private String train(String out, Object... more) {
        Object[] words = {
            "train", "--data", data, "--engine", "local", "--out", directory.resolve(out), more[0], more[1], "--seed", 3
        };
        if (more.length == 4) {
            words[9] = more[2];
            words[10] = more[3];
        }
        return InProcess.run(words).succeeded().weightsSha256();
    }

    private Outcome export(String format, Path out, Object... more) {
        Object[] words = {"export", "--model", model, "--format", format, "--out", out};
        Object[] all = java.util.Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return InProcess.run(all);
    }

    @ParameterizedTest
    @ValueSource(strings = {"npz", "onnx"})
    void comesBack(String format) throws Exception {
        Path out = directory.resolve("model." + format);
        Outcome exported = export(format, out).succeeded();
        assertThat(exported.out()).startsWith(out + ": network 20-50-10").hasLineCount(1);
        assertThat(train("again", "--iterations", 0, "--init-weights", out)).isEqualTo(sha256);
        byte[] bytes = Files.readAllBytes(out);
        export(format, out).refused(out.toString(), "expected a new file", "--overwrite");
        export(format, out, "--overwrite").succeeded();
        assertThat(out).hasBinaryContent(bytes);
    }

    @Test
    void anUnknownFormatIsRefused() {
        export("pmml", directory.resolve("x")).refused("--format", "expected one of [npz, onnx]", "pmml");
    }
}
