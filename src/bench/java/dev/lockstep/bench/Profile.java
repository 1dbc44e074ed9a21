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
 * threads do. A sample counts for the kernel that it is in, as it was called, else for the innermost method of Lockstep's on
 * its stack, so that what the JDK does for a method counts for the method. Threads that wait are not sampled.
 */
final class Profile {
    private static final int PERIOD_MILLIS = 10;
    private static final String SAMPLE = "jdk.ExecutionSample";

    /** Samples, and nothing of all else that a recording could hold. */
    static final String SETTINGS = "<configuration version='2.0'><event name='" + SAMPLE
            + "'><setting name='enabled'>true</setting><setting name='period'>" + PERIOD_MILLIS
            + " ms</setting></event></configuration>";

    private static final int MOST_LINES = 12;
    private static final double WORTH_A_LINE = 0.01;
    private static final String OURS = "dev.lockstep.";
    private static final String KERNELS = OURS + "kernel.";

    private final Map<String, Integer> samplesOf = new HashMap<>();
    private int recordings;
    private int samples;
    private int interpreted;
    private int others;

    private Profile() {}

    /**
     * Options for a JVM that is to leave a recording. It is written when the JVM ends.
     *
     * @param recording the file, or a directory in which the JVM makes up a name
     * @param settings what {@link #SETTINGS} was written to
     */
    static List<String> jvmOptions(Path recording, Path settings) {
        return List.of(
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:+DebugNonSafepoints",
                "-Xlog:jfr*=off",
                "-XX:StartFlightRecording:settings=" + settings + ",filename=" + recording);
    }

    /** Sums recordings up, for people. */
    static List<String> lines(List<Path> recordings) {
        Profile profile = new Profile();
        for (Path recording : recordings) {
            profile.recordings++;
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
        String name = name(frames);
        if (name == null) {
            others++;
        } else {
            samplesOf.merge(name, 1, Integer::sum);
        }
    }

    /** What a stack counts for; null if there is nothing of ours on it. */
    private static String name(List<RecordedFrame> innermostFirst) {
        String name = null;
        for (RecordedFrame frame : innermostFirst) {
            String type = frame.getMethod().getType().getName();
            if (type.startsWith(KERNELS) || (name == null && type.startsWith(OURS))) {
                name = type.substring(type.lastIndexOf('.') + 1) + "."
                        + frame.getMethod().getName();
            }
        }
        return name;
    }

    private List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT,
                "%d samples of %d JVMs, one each %d ms that a thread runs Java code, %.0f%% of them in the interpreter:",
                samples,
                recordings,
                PERIOD_MILLIS,
                percent(interpreted)));
        samplesOf.entrySet().stream()
                .filter(entry -> entry.getValue() >= WORTH_A_LINE * samples)
                .sorted(Map.Entry.<String, Integer>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()))
                .limit(MOST_LINES)
                .forEach(entry ->
                        lines.add(String.format(Locale.ROOT, "  %3.0f%%  %s", percent(entry.getValue()), entry.getKey())));
        lines.add(String.format(Locale.ROOT, "  %3.0f%%  nothing of Lockstep's: threads of Spark and of the JDK", percent(others)));
        return lines;
    }

    private double percent(int count) {
        return samples == 0 ? 0 : 100.0 * count / samples;
    }
}
