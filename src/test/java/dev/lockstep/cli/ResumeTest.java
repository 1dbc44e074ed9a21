package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints through the command line: going on from them, passing over damaged ones, and what divergence leaves. */
@ExtendWith(LeakCheck.class)
class ResumeTest {
    @TempDir
    Path directory;

    private Path data;
    private Path run;

    @BeforeEach
    void makeData() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        run = directory.resolve("run");
    }

    private Outcome train(Path out, Object... options) {
        List<Object> args = new ArrayList<>(List.of("train", "--data", data, "--engine", "local", "--out", out));
        args.addAll(List.of("--optimizer", "nesterov", "--sampling", "epoch", "--batch-size", 7));
        args.addAll(List.of("--schedule", "step", "--decay-every", 6, "--log-every", 5));
        args.addAll(Arrays.asList(options));
        return InProcess.run(args.toArray());
    }

    private Path checkpoint(int step) {
        return run.resolve(String.format("checkpoints/step-%012d.safetensors", step));
    }

    /** Learning rates and early stopping go by the whole run, wherever it is cut. */
    @Test
    void aRunThatWasToStopGoesOn() {
        Outcome whole = cosine(directory.resolve("whole")).succeeded();
        for (int step : new int[] {1, 17, 18, 59}) {
            cosine(run, "--stop-after", step, "--overwrite").succeeded();
            assertThat(checkpoint(step)).exists();
            assertThat(cosine(run, "--resume").succeeded().weightsSha256()).isEqualTo(whole.weightsSha256());
        }
        cosine(run, "--stop-after", 0, "--overwrite").refused("--stop-after: expected 1 to");
    }

    private Outcome cosine(Path out, Object... options) {
        List<Object> args = new ArrayList<>(List.of("train", "--data", data, "--engine", "local", "--out", out));
        args.addAll(
                List.of("--iterations", 60, "--schedule", "cosine", "--validation-fraction", 0.3, "--patience", 15));
        args.addAll(List.of("--batch-size", 7, "--evaluate-every", 4));
        args.addAll(Arrays.asList(options));
        return InProcess.run(args.toArray());
    }

    @Test
    void resumedRunHasTheBitsOfOneRun() throws IOException {
        Outcome whole = train(directory.resolve("whole"), "--iterations", 40).succeeded();
        train(run, "--iterations", 20, "--checkpoint-every", 10).succeeded();
        Outcome resumed = train(run, "--iterations", 40, "--checkpoint-every", 10, "--resume")
                .succeeded();
        assertThat(resumed.weightsSha256()).isEqualTo(whole.weightsSha256());
        // Where the first part ended it was evaluated, which the whole run had no reason for.
        assertThat(Files.readAllLines(run.resolve("metrics.jsonl")))
                .filteredOn(line -> !line.startsWith("{\"step\":20,\"epoch\""))
                .isEqualTo(Files.readAllLines(directory.resolve("whole/metrics.jsonl")));
        assertThat(run.resolve("model.safetensors"))
                .hasSameBinaryContentAs(directory.resolve("whole/model.safetensors"));
    }

    @Test
    void newestCheckpointsAreKept() {
        train(run, "--iterations", 30, "--checkpoint-every", 5, "--keep-checkpoints", 2)
                .succeeded();
        assertThat(run.resolve("checkpoints").toFile().list())
                .containsExactlyInAnyOrder(
                        checkpoint(25).getFileName().toString(),
                        checkpoint(30).getFileName().toString());
    }

    @Test
    void damagedCheckpointIsPassedOverWithAWarning() throws IOException {
        Outcome whole = train(run, "--iterations", 30, "--checkpoint-every", 10).succeeded();
        byte[] bytes = Files.readAllBytes(checkpoint(30));
        bytes[bytes.length - 5] ^= 1;
        Files.write(checkpoint(30), bytes);
        Files.write(checkpoint(20), Arrays.copyOf(Files.readAllBytes(checkpoint(20)), 500));
        Outcome resumed = train(run, "--iterations", 30, "--checkpoint-every", 10, "--resume")
                .succeeded();
        assertThat(resumed.weightsSha256()).isEqualTo(whole.weightsSha256());
        assertThat(resumed.errLines())
                .anySatisfy(line -> assertThat(line)
                        .contains("passed over", checkpoint(30).getFileName().toString()))
                .anySatisfy(line -> assertThat(line)
                        .contains("passed over", checkpoint(20).getFileName().toString()));
        assertThat(new ProcessedSteps(run).count()).isEqualTo(20);
    }

    @Test
    void resumeWithoutACheckpointStartsAnewAndSaysSo() throws IOException {
        Outcome first = train(run, "--iterations", 10, "--resume").succeeded();
        assertThat(first.err()).contains("no checkpoint to resume from: starting at step 0");
        assertThat(new ProcessedSteps(run).count()).isEqualTo(10);
    }

    /** Steps that the last process did, by its summary. */
    private record ProcessedSteps(Path run) {
        int count() throws IOException {
            Matcher found = Pattern.compile("\"steps_in_this_process\" : (\\d+)")
                    .matcher(Files.readString(run.resolve("summary.json")));
            assertThat(found.find()).isTrue();
            return Integer.parseInt(found.group(1));
        }
    }

    /** Weight decay times learning rate makes the weights a million million times larger with each step. */
    @Test
    void divergenceLeavesTheLastCheckpointThatIsGood() throws IOException {
        Object[] options = {"--iterations", 50, "--checkpoint-every", 1, "--learning-rate", 1e6, "--weight-decay", 1e6};
        Outcome diverged = train(run, options).failed("at step ", "learning rate 1000000", "last checkpoint: ", "try ");
        assertThat(diverged.err()).contains("--learning-rate");
        Matcher named = Pattern.compile("last checkpoint: (?:file:)?(\\S+/step-0*(\\d+)\\.safetensors);")
                .matcher(diverged.err());
        assertThat(named.find()).as(diverged.err()).isTrue();
        assertThat(Path.of(named.group(1))).isRegularFile();
        assertThat(run.resolve("model.safetensors")).doesNotExist();
        int step = Integer.parseInt(named.group(2));
        // It is whole: a run that ends there goes on from it and is done.
        options[1] = step;
        Object[] resume = Arrays.copyOf(options, options.length + 1);
        resume[options.length] = "--resume";
        Outcome resumed = train(run, resume).succeeded();
        assertThat(resumed.err()).doesNotContain("passed over");
        assertThat(new ProcessedSteps(run).count()).isZero();
        assertThat(run.resolve("model.safetensors")).exists();
    }

    @Test
    void divergenceWithoutACheckpointSaysHowToHaveOne() {
        train(run, "--iterations", 50, "--learning-rate", 1e6, "--weight-decay", 1e6)
                .failed("at step ", "last checkpoint: none", "--checkpoint-every", "--learning-rate");
    }
}
