package dev.lockstep.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A cluster that {@code submit/standalone} starts and stops, with its files below a directory of the test, and the programs
 * that are run on it. Closing it stops it and kills, by pid, what may be left of all that was started here.
 */
final class StandaloneCluster implements AutoCloseable {
    private static final Path PROJECT = Path.of(System.getProperty("lockstep.project"));
    private static final Duration PROGRAM_TIMEOUT = Duration.ofSeconds(180);
    private static final Duration EVENT_TIMEOUT = Duration.ofSeconds(60);
    private static final long LOOK_EVERY_NANOS = 10_000_000;
    private static final Pattern MASTER = Pattern.compile("(?m)^master +(spark://127\\.0\\.0\\.1:[0-9]+)$");

    private final Path directory;
    private final Path files;
    /** Every process of the cluster that was ever looked at, and every program. */
    private final LinkedBlockingDeque<ProcessHandle> seen = new LinkedBlockingDeque<>();

    private String master;
    private int programs;

    StandaloneCluster(Path directory) {
        this.directory = directory;
        this.files = directory.resolve("standalone");
    }

    /** What a program left behind. */
    record Outcome(String what, int status, String out, String err) {
        @Override
        public String toString() {
            return what + " ended with " + status + " and printed\n" + out + err;
        }
    }

    /** A program under way, its directory, and where its output goes. */
    record Program(String what, Process process, Path directory, Path out, Path err) {
        Outcome outcome() {
            try {
                if (!process.waitFor(PROGRAM_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
                    throw new AssertionError(what + " did not end within " + PROGRAM_TIMEOUT + "; so far it printed\n"
                            + Files.readString(out) + Files.readString(err));
                }
                return new Outcome(what, process.exitValue(), Files.readString(out), Files.readString(err));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while " + what + " ran", e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Starts the cluster: {@code submit/standalone start} with these options. */
    Outcome start(Object... options) {
        Outcome outcome = standalone("start", options);
        Matcher matcher = MASTER.matcher(outcome.out());
        if (outcome.status() != 0 || !matcher.find()) {
            throw new AssertionError(outcome.toString());
        }
        master = matcher.group(1);
        remember();
        return outcome;
    }

    Outcome standalone(String action, Object... options) {
        return program("standalone", List.of(action), options).outcome();
    }

    /** Starts {@code submit/lockstep} on this cluster, in a directory of its own. */
    Program lockstep(Object... words) {
        return program("lockstep", List.of("--master", master), words);
    }

    /** Starts {@code submit/lockstep} without a cluster. */
    Program lockstepAlone(Object... words) {
        return program("lockstep", List.of(), words);
    }

    private Program program(String name, List<String> first, Object... words) {
        List<String> command = new ArrayList<>();
        command.add(PROJECT.resolve("submit").resolve(name).toString());
        command.addAll(first);
        Stream.of(words).map(Object::toString).forEach(command::add);
        try {
            Path place = Files.createDirectories(directory.resolve("process " + ++programs));
            Path out = place.resolve("out");
            Path err = place.resolve("err");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(place.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            Map<String, String> environment = builder.environment();
            environment.keySet().removeAll(List.of("SPARK_SUBMIT_OPTS", "SPARK_CONF_DIR", "MASTER", "DEPLOY_MODE"));
            environment.put("JAVA_HOME", System.getProperty("java.home"));
            environment.put("LOCKSTEP_NO_BUILD", "1");
            environment.put("LOCKSTEP_STANDALONE_DIR", files.toString());
            Process process = builder.start();
            seen.add(process.toHandle());
            process.getOutputStream().close();
            return new Program(String.join(" ", command), process, place, out, err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The JVMs that a worker has started and that live: executors, and drivers in cluster mode. */
    List<ProcessHandle> startedByWorkers() {
        List<ProcessHandle> children = daemons("worker-")
                .flatMap(ProcessHandle::children)
                .filter(ProcessHandle::isAlive)
                .toList();
        seen.addAll(children);
        return children;
    }

    /** Master and workers, by the pids that submit/standalone wrote down. */
    private Stream<ProcessHandle> daemons(String prefix) {
        List<ProcessHandle> handles = new ArrayList<>();
        try (Stream<Path> list = Files.isDirectory(files) ? Files.list(files) : Stream.empty()) {
            for (Path file : list.toList()) {
                String name = file.getFileName().toString();
                if (name.startsWith(prefix) && name.endsWith(".pid")) {
                    ProcessHandle.of(Long.parseLong(Files.readString(file).strip()))
                            .ifPresent(handles::add);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return handles.stream();
    }

    /** Notes all processes there are at this time, for {@link #left} and {@link #close}. */
    void remember() {
        daemons("").forEach(daemon -> {
            seen.add(daemon);
            daemon.descendants().forEach(seen::add);
        });
    }

    /** Command lines of the processes seen so far that still live. */
    List<String> left() {
        return seen.stream()
                .filter(ProcessHandle::isAlive)
                .map(handle -> handle.pid() + " " + handle.info().commandLine().orElse("?"))
                .distinct()
                .toList();
    }

    /** Waits until something has happened that programs do in their own time. */
    static void await(BooleanSupplier condition, Supplier<String> missing) {
        long deadline = System.nanoTime() + EVENT_TIMEOUT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("after " + EVENT_TIMEOUT + ": " + missing.get());
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
    }

    @Override
    public void close() {
        remember();
        try {
            standalone("stop");
        } finally {
            seen.forEach(ProcessHandle::destroyForcibly);
        }
    }
}
