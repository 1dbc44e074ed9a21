package dev.lockstep.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordingFile;

/**
 * Where threads spend their time, by the JDK's flight recorder: every {@value #PERIOD_MILLIS} ms it looks at what running
 * threads do. A sample counts for the innermost method of Lockstep's on its stack, so that what the JDK does for a kernel
 * counts for the kernel. Threads that wait are not sampled.
 */
final class Profile {
    private static final int PERIOD_MILLIS = 10;
    private static final int MOST_LINES = 10;
    private static final double WORTH_A_LINE = 0.01;
    private static final String SAMPLE = "jdk.ExecutionSample";
    private static final String OURS = "dev.lockstep.";

    private final Map<String, Integer> samplesOf = new HashMap<>();
    private int samples;
    private int interpreted;
    private int others;

    private Profile() {}

    /** Options for a JVM that is to leave a recording. It is written when the JVM ends. */
    static List<String> jvmOptions(Path recording) {
        return List.of(
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:+DebugNonSafepoints",
                "-Xlog:jfr*=off",
                "-XX:StartFlightRecording:settings=none," + SAMPLE + "#enabled=true," + SAMPLE + "#period=" + PERIOD_MILLIS
                        + "ms,filename=" + recording);
    }

    /** Sums recordings up, for people. */
    static List<String> lines(List<Path> recordings) {
        Profile profile = new Profile();
        for (Path recording : recordings) {
            try (RecordingFile file = new RecordingFile(recording)) {
                while (file.hasMoreEvents()) {
                    profile.add(file.readEvent());
                }
            } catch (IOException e) {
                throw new RunFailedException(recording + " cannot be read: " + e.getMessage(), e);
            }
        }
        return profile.lines();
    }

    private void add(RecordedEvent event) {
        if (!event.getEventType().getName().equals(SAMPLE) || event.getStackTrace() == null) {
            return;
        }
        List<RecordedFrame> frames = event.getStackTrace().getFrames();
        samples++;
        if (frames.get(0).getType().equals("Interpreted")) {
            interpreted++;
        }
        for (RecordedFrame frame : frames) {
            String type = frame.getMethod().getType().getName();
            if (type.startsWith(OURS)) {
                String name = type.substring(type.lastIndexOf('.') + 1) + "." + frame.getMethod().getName();
                samplesOf.merge(name, 1, Integer::sum);
                return;
            }
        }
        others++;
    }

    private List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "%d samples, one each %d ms that a thread runs Java code, %.0f%% of them in the interpreter; by the"
                        + " innermost method of Lockstep's:",
                samples,
                PERIOD_MILLIS,
                percent(interpreted)));
        samplesOf.entrySet().stream()
                .filter(entry -> entry.getValue() >= WORTH_A_LINE * samples)
                .sorted(Map.Entry.<String, Integer>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
                .limit(MOST_LINES)
                .forEach(entry ->
                        lines.add(String.format(Locale.ROOT, "  %3.0f%%  %s", percent(entry.getValue()), entry.getKey())));
        lines.add(String.format(Locale.ROOT, "  %3.0f%%  none: Spark's and the JDK's own threads", percent(others)));
        return lines;
    }

    private double percent(int count) {
        return samples == 0 ? 0 : 100.0 * count / samples;
    }
}
