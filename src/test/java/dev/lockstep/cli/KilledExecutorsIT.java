package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The only executor killed more often than Spark tries a task again by itself, which is 4 times. */
class KilledExecutorsIT {
    private static final int KILLS = 5;
    private static final int STEPS = 20_000;

    @TempDir
    Path directory;

    @Test
    void theRunGoesOnAsLongAsItMakesProgress() throws IOException {
        Path data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        Path run = directory.resolve("run");
        Path metrics = run.resolve("metrics.jsonl");
        Programs programs = new Programs(Files.createDirectory(directory.resolve("processes")));
        Programs.Running training = programs.startLockstep(
                "--master",
                "local-cluster[1,1,1024]",
                "--conf",
                "spark.ui.enabled=false",
                "train",
                "--data",
                data,
                "--out",
                run,
                "--tasks", // a single task, which fails every time
                1,
                "--iterations",
                STEPS,
                "--log-every",
                10);
        try {
            int lines = 0;
            for (int kill = 0; kill < KILLS; kill++) {
                int before = lines; // one line more may be of a step that was under way
                training.await("no step after line " + before + " of " + metrics, () -> lines(metrics) > before + 1);
                Optional<ProcessHandle> executor = executor(training);
                assertThat(executor).as("executor for kill " + kill).isPresent();
                assertThat(executor.get().destroyForcibly()).isTrue();
                executor.get().onExit().join();
                lines = lines(metrics);
            }
        } catch (Throwable e) {
            training.process().destroyForcibly();
            throw e;
        }
        Outcome outcome = training.outcome().succeeded();
        Outcome untouched = InProcess.run(
                        "train",
                        "--data",
                        data,
                        "--out",
                        directory.resolve("untouched"),
                        "--engine",
                        "local",
                        "--iterations",
                        STEPS)
                .succeeded();
        assertThat(outcome.weightsSha256()).isEqualTo(untouched.weightsSha256());
        assertThat(Files.readString(run.resolve("summary.json"))).contains("\"workers_lost\" : " + KILLS + ",");
    }

    private static Optional<ProcessHandle> executor(Programs.Running training) {
        return training.process()
                .descendants()
                .filter(process -> process.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
                .filter(ProcessHandle::isAlive)
                .findFirst();
    }

    private static int lines(Path metrics) throws IOException {
        return Files.exists(metrics) ? Files.readAllLines(metrics).size() : 0;
    }
}
