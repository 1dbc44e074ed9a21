package dev.lockstep.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** Runs commands in the test's own JVM: a hundred of them in the time that one JVM takes to start. */
final class InProcess {
    private static final Map<String, String> SPARK =
            Map.of("spark.master", "local[2]", "spark.ui.enabled", "false", "spark.ui.showConsoleProgress", "false");

    private InProcess() {}

    /** Runs a command with what spark-submit would have set. */
    static Outcome run(Object... words) {
        return run(Map.of(), words);
    }

    /** The same with these settings of Spark's besides. */
    static Outcome run(Map<String, String> settings, Object... words) {
        String[] args = new String[words.length];
        for (int i = 0; i < words.length; i++) {
            args[i] = words[i].toString();
        }
        PrintStream realOut = System.out;
        PrintStream realErr = System.err;
        Map<String, String> before = new TreeMap<>();
        Map<String, String> spark = new TreeMap<>(SPARK);
        spark.putAll(settings);
        spark.keySet().forEach(key -> before.put(key, System.getProperty(key, "")));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        spark.forEach(System::setProperty);
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        int status;
        try {
            status = Main.run(args);
        } finally {
            System.setOut(realOut);
            System.setErr(realErr);
            before.forEach(InProcess::restore);
        }
        return new Outcome(
                String.join(" ", args),
                status,
                out.toString(StandardCharsets.UTF_8),
                err.toString(StandardCharsets.UTF_8));
    }

    private static void restore(String key, String value) {
        if (value.isEmpty()) {
            System.clearProperty(key);
        } else {
            System.setProperty(key, value);
        }
    }
}
