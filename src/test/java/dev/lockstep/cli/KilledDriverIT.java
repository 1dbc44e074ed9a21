package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The driver's process, killed again and again by a signal that nothing can catch, at moments from a seed while it
 * writes a checkpoint after every step, and another interrupted once; then a run to the end has the bits of one that nobody
 * touched.
 */
class KilledDriverIT {
    private static final long SEED = 20_261_125;
    private static final int KILLS = 5;
    private static final long LONGEST_DELAY_MILLIS = 400;
    private static final Pattern CHECKPOINT = Pattern.compile("step-(\\d{12})\\.safetensors");

    @TempDir
    Path directory;

    private Path data;
    private Path run;

    @BeforeEach
    void makeData() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        run = directory.resolve("run");
    }

    private Object[] train(Path out, long iterations, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of("train", "--data", data, "--out", out, "--iterations", iterations));
        words.addAll(List.of("--optimizer", "momentum", "--sampling", "epoch", "--batch-size", 7));
        words.addAll(List.of("--validation-fraction", 0.2, "--patience", 1_000_000, "--evaluate-every", 50));
        words.addAll(Arrays.asList(more));
        return words.toArray();
    }

    /** Steps of all checkpoints, damaged ones included. */
    private long[] steps() {
        if (!Files.isDirectory(run.resolve("checkpoints"))) {
            return new long[0];
        }
        try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
            return files.map(file -> CHECKPOINT.matcher(file.getFileName().toString()))
                    .filter(Matcher::matches)
                    .mapToLong(name -> Long.parseLong(name.group(1)))
                    .sorted()
                    .toArray();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private long newest() {
        return LongStream.of(steps()).max().orElse(0);
    }

    private Path checkpoint(long step) {
        return run.resolve(String.format("checkpoints/step-%012d.safetensors", step));
    }

    @Test
    void interruptedAsByCtrlCItSavesItsStateAndGoesOnToTheSameBits() throws IOException, InterruptedException {
        Programs programs = new Programs(Files.createDirectory(directory.resolve("processes")));
        Programs.Running running = programs.startInterruptible(train(run, 1_000_000));
        try {
            Path metrics = run.resolve("metrics.jsonl");
            running.await("no line of metrics", () -> Files.exists(metrics) && Files.size(metrics) > 0);
            assertThat(steps()).as("checkpoints, of which none was asked for").isEmpty();
            running.interrupt();
            Outcome stopped = running.outcome();
            assertThat(stopped.status()).as(stopped.err()).isEqualTo(128 + 2);
            assertThat(steps()).hasSize(1);
            assertThat(stopped.err()).contains("stopped after step " + newest());
        } finally {
            running.process().destroyForcibly();
        }
        long end = newest() + 100;
        Outcome untouched = InProcess.run(train(directory.resolve("untouched"), end, "--engine", "local"))
                .succeeded();
        Outcome resumed = InProcess.run(train(run, end, "--resume")).succeeded();
        assertThat(resumed.weightsSha256()).isEqualTo(untouched.weightsSha256());
    }

    @Test
    void killedAtAnyMomentItGoesOnToTheSameBits() throws IOException {
        Random random = new Random(SEED);
        Programs programs = new Programs(Files.createDirectory(directory.resolve("processes")));
        long reached = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            String what = "seed " + SEED + ", kill " + kill;
            Programs.Running victim = programs.startOnSpark(
                    train(run, 1_000_000, "--checkpoint-every", 1, kill == 0 ? "--overwrite" : "--resume"));
            try {
                long before = reached;
                victim.await("no checkpoint after step " + before, () -> newest() > before);
                LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(
                        1 + random.nextInt((int) TimeUnit.MILLISECONDS.toMicros(LONGEST_DELAY_MILLIS))));
            } finally {
                victim.process().destroyForcibly();
            }
            Outcome killed = victim.outcome();
            assertThat(killed.status()).as(what + killed.err()).isEqualTo(128 + 9);
            assertThat(killed.errLines()).as(what).noneMatch(line -> line.contains("passed over"));
            assertThat(newest()).as(what).isGreaterThan(reached);
            assertThat(steps().length).as(what).isBetween(1, 4); // the fourth until it is deleted
            reached = newest();
        }
        // What a disk may lose when the machine goes with the process.
        Files.write(checkpoint(reached), Arrays.copyOf(Files.readAllBytes(checkpoint(reached)), 1000));
        long end = reached + 100;
        Outcome untouched = InProcess.run(train(directory.resolve("untouched"), end, "--engine", "local"))
                .succeeded();
        Outcome resumed = programs.startOnSpark(train(run, end, "--checkpoint-every", 1, "--resume"))
                .outcome()
                .succeeded();
        assertThat(resumed.errLines())
                .anyMatch(line -> line.contains("passed over")
                        && line.contains(checkpoint(end - 100).getFileName().toString()));
        assertThat(resumed.weightsSha256()).as("seed " + SEED).isEqualTo(untouched.weightsSha256());
        assertThat(steps()).containsExactly(end - 2, end - 1, end);
        try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
            assertThat(files).as("nothing half written is left").hasSize(3);
        }
        // Each line of the metrics stands once, in order, as if there had been one process.
        assertThat(Files.readAllLines(run.resolve("metrics.jsonl")))
                .isEqualTo(Files.readAllLines(directory.resolve("untouched/metrics.jsonl")));
    }
}
