package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One failure of each kind through submit/lockstep: exit status, the one line, and no word from Spark. */
class LockstepFailuresIT {

    @TempDir
    Path directory;

    private Path processes;
    private Programs programs;
    private Path data;

    @BeforeEach
    void makeData() throws IOException {
        processes = Files.createDirectory(directory.resolve("processes"));
        programs = new Programs(processes);
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
    }

    @Test
    void usage() {
        programs.lockstep().refused("expected a command: train, tune, evaluate, predict, gradcheck, export, report");
        programs.lockstep("--master").refused("--master", "needs a value");
        programs.lockstep("--master", "local[1]", "train", "--itertions", 5)
                .refused("found --itertions", "--iterations");
    }

    /** Found by tasks, which come back with it instead of failing: Spark has nothing to report. */
    @Test
    void dataThroughSpark() throws IOException {
        Path labels = data.resolve("train-labels-idx1-ubyte");
        byte[] bytes = Files.readAllBytes(labels);
        bytes[8 + 33] = 99;
        Files.write(labels, bytes);
        Path out = directory.resolve("run");
        Map<String, String> before = Snapshot.of(data);
        for (String engine : new String[] {"job", "lockstep"}) {
            programs.startOnSpark("train", "--engine", engine, "--data", data, "--out", out)
                    .outcome()
                    .refused(labels.toString(), "example 33", "at byte 41", "expected 0 to 9", "found 99");
        }
        assertThat(out).doesNotExist();
        assertThat(Snapshot.of(data)).isEqualTo(before);
    }

    @Test
    void modelAndPlace() {
        Path model = directory.resolve("none.safetensors");
        programs.lockstep("evaluate", "--model", model, "--data", data).refused(model.toString(), "found nothing");
        programs.lockstep("train", "--data", data, "--out", "foo://x/run").refused("--out foo://x/run", "foo");
    }

    @Test
    void stackTraceWhereAskedFor() {
        Outcome outcome = programs.lockstep("train", "--stacktrace", "--data", directory.resolve("none"));
        assertThat(outcome.status()).isEqualTo(2);
        assertThat(outcome.err()).contains("\tat dev.lockstep.", "found no such directory");
    }

    @Test
    void divergence() {
        Path out = directory.resolve("run");
        programs.startOnSpark(
                        "train",
                        "--engine",
                        "job",
                        "--kernel", // what is chosen needs no line of its own
                        "scalar",
                        "--data",
                        data,
                        "--out",
                        out,
                        "--evaluate-every",
                        1000,
                        "--learning-rate",
                        1e6,
                        "--weight-decay",
                        1e6,
                        "--iterations",
                        40,
                        "--checkpoint-every",
                        1)
                .outcome()
                .failed("at step ", "last checkpoint: ", "step-", "--learning-rate");
        assertThat(out.resolve("model.safetensors")).doesNotExist();
        assertThat(out.resolve("checkpoints")).isNotEmptyDirectory();
    }

    /** Killed in mid-run by a signal that nothing can catch, on one engine; gone on with on another. */
    @Test
    void killedRunGoesOnToTheSameBits() throws IOException {
        Path undisturbed = directory.resolve("undisturbed");
        Path run = directory.resolve("run");
        Programs.Running victim = programs.startOnSpark(
                "train",
                "--data",
                data,
                "--iterations",
                100_000,
                "--checkpoint-every",
                20,
                "--engine",
                "job",
                "--momentum",
                0.8,
                "--optimizer",
                "momentum",
                "--out",
                run);
        try {
            Path checkpoint = run.resolve("checkpoints/step-000000000040.safetensors");
            victim.await("no " + checkpoint, () -> Files.exists(checkpoint));
        } finally {
            victim.process().destroyForcibly();
        }
        Outcome killed = victim.outcome();
        assertThat(killed.status()).as(killed.err()).isEqualTo(128 + 9);
        assertThat(run.resolve("model.safetensors")).doesNotExist();
        int steps = 400;
        Object[] rest = {
            "train",
            "--data",
            data,
            "--iterations",
            steps,
            "--engine",
            "local",
            "--momentum",
            0.8,
            "--optimizer",
            "momentum",
            "--out"
        };
        Outcome expected = InProcess.run(append(rest, undisturbed)).succeeded();
        Object[] resume = append(append(rest, run), "--resume");
        Outcome resumed = programs.lockstep(resume).succeeded();
        assertThat(resumed.weightsSha256()).isEqualTo(expected.weightsSha256());
        assertThat(run.resolve("model.safetensors")).hasSameBinaryContentAs(undisturbed.resolve("model.safetensors"));
    }

    private static Object[] append(Object[] words, Object last) {
        Object[] all = Arrays.copyOf(words, words.length + 1);
        all[words.length] = last;
        return all;
    }
}
