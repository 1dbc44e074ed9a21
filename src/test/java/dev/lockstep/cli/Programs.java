package dev.lockstep.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Starts the project's programs the way people do, each in a process of its own, on the JDK that runs the tests. */
final class Programs {
    /** Far beyond what any of them needs, also on a busy machine. */
    private static final long TIMEOUT_SECONDS = 180;

    private static final long CONDITION_SECONDS = 120;

    private static final Path PROJECT = Path.of(System.getProperty("lockstep.project"));
    private static final Path LOCKSTEP = project("submit/lockstep");
    private static final Map<String, String> BUILT = Map.of("LOCKSTEP_NO_BUILD", "1");
    /** What a developer may have set and what would change what is printed. */
    private static final List<String> UNWANTED = List.of(
            "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "SPARK_SUBMIT_OPTS", "MASTER", "SPARK_CONF_DIR", "CLASSPATH");

    /** Where processes write, one directory each. */
    private final Path directory;

    private int started;

    Programs(Path directory) {
        this.directory = directory;
    }

    /** A file of the project. */
    static Path project(String name) {
        return PROJECT.resolve(name);
    }

    /** What a process is to have brought about. */
    @FunctionalInterface
    interface Condition {
        boolean holds() throws IOException;
    }

    /** A process under way, and where its output goes. */
    record Running(String what, Process process, Path out, Path err) {
        /** Waits until the condition holds; fails, with what is missing, if the process ends before or it takes too long. */
        void await(String missing, Condition condition) throws IOException {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CONDITION_SECONDS);
            while (!condition.holds()) {
                if (!process.isAlive() || System.nanoTime() > deadline) {
                    throw new AssertionError(missing + " from " + outcome());
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
        }

        /** Sends what Ctrl-C sends. */
        void interrupt() throws IOException, InterruptedException {
            int status = new ProcessBuilder("kill", "-INT", Long.toString(process.pid()))
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new AssertionError("kill -INT of " + what + ": status " + status);
            }
        }

        /** Waits for its end. */
        Outcome outcome() {
            try {
                if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                    throw new AssertionError(what + " did not end within " + TIMEOUT_SECONDS + " s; so far it printed\n"
                            + Files.readString(out) + Files.readString(err));
                }
                return new Outcome(what, process.exitValue(), Files.readString(out), Files.readString(err));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while " + what + " ran", e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                process.destroyForcibly();
            }
        }
    }

    /** {@code submit/lockstep} with these words, from any working directory, to its end. */
    Outcome lockstep(Object... words) {
        return startLockstep(words).outcome();
    }

    /** The same on two cores, and without Spark's user interface, whose port may be another's. */
    Running startOnSpark(Object... words) {
        return startLockstep(onSpark(words));
    }

    /**
     * The same, for {@link Running#interrupt}: whoever runs the tests in the background may have that signal ignored, and so
     * would what they start.
     */
    Running startInterruptible(Object... words) {
        List<Object> all = new ArrayList<>(List.of("-e", "$SIG{INT} = 'DEFAULT'; exec @ARGV or die $!", LOCKSTEP));
        all.addAll(List.of(onSpark(words)));
        return start(Path.of("perl"), BUILT, all.toArray());
    }

    private static Object[] onSpark(Object... words) {
        List<Object> all = new ArrayList<>(List.of("--master", "local[2]", "--conf", "spark.ui.enabled=false"));
        all.addAll(List.of(words));
        return all.toArray();
    }

    Running startLockstep(Object... words) {
        return start(LOCKSTEP, BUILT, words);
    }

    /** Starts a program. */
    Running start(Path program, Map<String, String> environment, Object... words) {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        for (Object word : words) {
            command.add(word.toString());
        }
        try {
            Path place = Files.createDirectories(directory.resolve("process-" + ++started));
            Path out = place.resolve("out");
            Path err = place.resolve("err");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(place.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.environment().keySet().removeAll(UNWANTED);
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.environment().putAll(environment);
            Process process = builder.start();
            process.getOutputStream().close();
            return new Running(String.join(" ", command), process, out, err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
