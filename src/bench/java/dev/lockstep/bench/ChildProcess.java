package dev.lockstep.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs programs, each in a process of its own, with nothing of the environment that would tune it. */
final class ChildProcess {
    private static final long TIMEOUT_SECONDS = 1_200;
    /** Settings of Java, Spark and of the libraries below NumPy that people may have made for themselves. */
    private static final String TUNING =
            "(OPENBLAS|OMP|GOTO|MKL|BLIS|KMP|VECLIB|NUMEXPR|NPY)_.*|JDK_JAVA_OPTIONS|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS"
                    + "|SPARK_.*|MASTER|DEPLOY_MODE|CLASSPATH";

    private static final List<String> KEPT = List.of("SPARK_LOCAL_IP");

    private ChildProcess() {}

    /**
     * What a program that ended with status 0 left behind.
     *
     * @param out its standard output
     * @param err its standard error
     * @param started when it was started
     * @param seconds from its start to its end
     */
    record Finished(String what, String out, String err, Instant started, double seconds) {
        /** The last line of the standard output, which is to be a JSON object. */
        JsonNode json() {
            String line = out.lines().reduce("", (before, last) -> last);
            try {
                return new ObjectMapper().readTree(line);
            } catch (JsonProcessingException e) {
                throw new RunFailedException(what + ": expected a JSON object as the last line, found " + line, e);
            }
        }
    }

    /**
     * Runs a program to its end.
     *
     * @param environment what it gets beside this process's environment
     * @param directory where it runs and where its output is kept
     * @throws RunFailedException if it does not end with status 0 within {@value #TIMEOUT_SECONDS} s
     */
    static Finished run(List<String> command, Map<String, String> environment, Path directory) throws IOException {
        String what = String.join(" ", command);
        Path out = directory.resolve("out");
        Path err = directory.resolve("err");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().keySet().removeIf(name -> name.matches(TUNING) && !KEPT.contains(name));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().putAll(environment);
        Instant started = Instant.now();
        long began = System.nanoTime();
        Process process = builder.start();
        try {
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                throw new RunFailedException(what + " did not end within " + TIMEOUT_SECONDS + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException(what + ": interrupted", e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        if (process.exitValue() != 0) {
            throw new RunFailedException(what + " ended with status " + process.exitValue() + ": " + lastLine(err));
        }
        return new Finished(what, Files.readString(out), Files.readString(err), started, seconds);
    }

    private static String lastLine(Path file) throws IOException {
        return Files.readString(file).strip().lines().reduce("nothing on standard error", (before, last) -> last);
    }
}
