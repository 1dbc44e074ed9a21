package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The search through the command line; no byte of the data is left in memory after any of it. */
@ExtendWith(LeakCheck.class)
class TuneCommandTest {
    /** Early stopping, a schedule that knows the run's end, and rates with which weights overflow. */
    private static final String SPACE = """
            learning-rate = choice 0.01 0.1 0.5 1e6
            hidden = log 2 12
            optimizer = choice sgd momentum nesterov
            weight-decay = choice 0 1e-4 1e-3 1e6
            schedule = choice constant cosine
            patience = choice 0 2
            """;

    @TempDir
    Path directory;

    private Path data;
    private Path space;

    @BeforeEach
    void makeData() throws IOException {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        space = Files.writeString(directory.resolve("space.properties"), SPACE);
    }

    private Outcome tune(Path out, Object... options) {
        List<Object> args = new ArrayList<>(List.of("tune", "--data", data, "--space", space, "--out", out));
        args.addAll(List.of("--iterations", 45, "--batch-size", 7, "--evaluate-every", 4));
        args.addAll(List.of("--sampling", "epoch", "--validation-fraction", 0.3, "--init", "xavier"));
        args.addAll(Arrays.asList(options));
        return InProcess.run(args.toArray());
    }

    /** By trial and steps, each line of trials.jsonl but for the time that it took. */
    private static Map<String, JsonNode> ends(Path out) throws IOException {
        Map<String, JsonNode> ends = new TreeMap<>();
        for (String line : Files.readAllLines(out.resolve("trials.jsonl"))) {
            ObjectNode node = (ObjectNode) new ObjectMapper().readTree(line);
            node.remove("seconds");
            ends.put(node.path("trial") + "/" + node.path("steps"), node);
        }
        return ends;
    }

    private static JsonNode summary(Path out) throws IOException {
        return new ObjectMapper().readTree(out.resolve("summary.json").toFile());
    }

    private Outcome train(String command, Path out) {
        assertThat(command).startsWith("submit/lockstep train ");
        List<Object> words = new ArrayList<>(
                Arrays.asList(command.substring("submit/lockstep ".length()).split(" ")));
        words.addAll(List.of("--engine", "local", "--out", out, "--overwrite"));
        return InProcess.run(words.toArray());
    }

    /** At each rung: what goes on from a state has the bits of what never stopped. */
    @Test
    void everyTrialIsTheCommandThatItPrints() throws IOException {
        Path out = directory.resolve("search");
        String printed = tune(out, "--trials", 18).succeeded().out();
        Map<String, JsonNode> ends = ends(out);
        assertThat(ends).hasSize(18 + 6 + 2);
        Path run = directory.resolve("run");
        int diverged = 0;
        for (JsonNode end : ends.values()) {
            String command = end.path("command").asText();
            Outcome trained = train(command, run);
            if (end.path("status").asText().equals("done")) {
                assertThat(trained.succeeded().weightsSha256())
                        .as(command)
                        .isEqualTo(end.path("weights_sha256").asText());
                JsonNode summary = summary(run);
                assertThat(end.path("validation_accuracy")).isEqualTo(summary.path("validation_accuracy"));
                assertThat(end.path("validation_loss")).isEqualTo(summary.path("validation_loss"));
                assertThat(end.path("train_loss")).isEqualTo(summary.path("train_loss"));
            } else {
                trained.failed("with learning rate ");
                diverged++;
            }
        }
        assertThat(diverged).isPositive();
        JsonNode best = summary(out).path("best");
        train(best.path("command").asText(), run).succeeded();
        assertThat(out.resolve("best/model.safetensors")).hasSameBinaryContentAs(run.resolve("model.safetensors"));
        assertThat(best.path("test_accuracy")).isEqualTo(summary(run).path("test_accuracy"));
        assertThat(out.resolve("best/command.txt"))
                .hasContent(best.path("command").asText());
        assertThat(printed).contains(best.path("command").asText(), "diverged", "weights sha256  ");
        assertThat(out.resolve("states")).doesNotExist();
    }

    /** The best of the last rung, of those the best by accuracy and then loss; what diverged is at the end of the table. */
    @Test
    void theTableIsSortedAndFitsATerminal() throws IOException {
        Path out = directory.resolve("search");
        String printed = tune(out, "--trials", 12, "--eta", 2).succeeded().out();
        List<String> table = printed.substring(printed.lastIndexOf("\ntrial ") + 1)
                .lines()
                .takeWhile(line -> !line.isBlank())
                .toList();
        assertThat(table).allMatch(line -> line.length() <= TuneTable.MAX_COLUMNS);
        List<String[]> rows =
                table.stream().skip(1).map(line -> line.strip().split(" +")).toList();
        assertThat(rows).hasSize(12);
        for (int i = 1; i < rows.size(); i++) {
            long before = Long.parseLong(rows.get(i - 1)[1]);
            long steps = Long.parseLong(rows.get(i)[1]);
            assertThat(steps).isLessThanOrEqualTo(before);
            if (steps == before && !rows.get(i)[2].equals("diverged")) {
                assertThat(rows.get(i - 1)[2]).isGreaterThanOrEqualTo(rows.get(i)[2]);
            }
        }
        assertThat(rows.get(0)[0])
                .isEqualTo(summary(out).path("best").path("trial").asText());
        assertThat(Files.readString(out.resolve("tune.html")))
                .contains("by-learning-rate", "by-rung", "Trial " + rows.get(0)[0] + ".");
    }

    /** Whatever was lost of what an earlier search had come to. */
    @Test
    void aSearchThatGoesOnComesToTheSame() throws IOException {
        Path whole = directory.resolve("whole");
        tune(whole, "--trials", 9).succeeded();
        Map<String, JsonNode> expected = ends(whole);
        List<String> lines = Files.readAllLines(whole.resolve("trials.jsonl"));
        for (int kept : new int[] {0, 5, 10, 13}) {
            Path out = Files.createDirectories(directory.resolve("kept-" + kept));
            Files.write(out.resolve("trials.jsonl"), lines.subList(0, kept));
            tune(out, "--trials", 9, "--resume", "--quiet").succeeded();
            assertThat(ends(out)).isEqualTo(expected);
            assertThat(out.resolve("best/model.safetensors"))
                    .hasSameBinaryContentAs(whole.resolve("best/model.safetensors"));
        }
        // One that had ended has nothing to do, unless more is asked of it.
        String again = tune(whole, "--trials", 9, "--resume").succeeded().out();
        assertThat(again).contains("9 trials, of which 9 have ended before").doesNotContain(" left\n");
        Path more = directory.resolve("more");
        tune(whole, "--trials", 11, "--eta", 1, "--resume").succeeded();
        tune(more, "--trials", 11, "--eta", 1).succeeded();
        assertThat(ends(whole)).containsAllEntriesOf(ends(more));
        assertThat(summary(whole).path("best").path("weights_sha256"))
                .isEqualTo(summary(more).path("best").path("weights_sha256"));
    }

    @Test
    void otherTrialsOrOtherDataAreNotGoneOnWith() throws IOException {
        Path out = directory.resolve("search");
        tune(out, "--trials", 3, "--eta", 1).succeeded();
        tune(out, "--trials", 3, "--eta", 1).refused("--out", "--overwrite", "--resume");
        tune(out, "--trials", 3, "--eta", 1, "--seed", 2, "--resume").refused("--resume: trial", "--seed=2");
        tune(out, "--trials", 3, "--eta", 1, "--search-seed", 2, "--resume").refused("--resume: trial", "line 1");
        Path labels = data.resolve("train-labels-idx1-ubyte");
        byte[] bytes = Files.readAllBytes(labels);
        bytes[8] = (byte) ((bytes[8] + 1) % 10);
        Files.write(labels, bytes);
        tune(out, "--trials", 4, "--eta", 1, "--resume").refused("other data");
        Files.writeString(out.resolve("trials.jsonl"), "{\"trial\":1}\n");
        tune(out, "--trials", 4, "--resume").refused("trials.jsonl line 1", "expected");
    }

    @Test
    void whenAllDiverge() throws IOException {
        Files.writeString(space, "learning-rate = choice 1e6 9e5\nweight-decay = choice 1e6 9e5");
        Path out = directory.resolve("search");
        tune(out, "--trials", 3, "--quiet").failed("no trial came to the end", "trial 1", "smaller learning rates");
        assertThat(ends(out)).hasSize(3);
        assertThat(out.resolve("best/model.safetensors")).doesNotExist();
    }

    @Test
    void spacesThatAreOfNoUse() throws IOException {
        refused("learning-rat = log 0.1 1", "learning-rat: expected an option of train");
        refused("seed = choice 1 2", "seed: ", "cannot be searched", "which examples");
        refused("iterations = log 10 100", "iterations: ", "rungs");
        refused("engine = choice job local", "engine: ", "changes nothing of what is learned");
        refused("hidden = uniform 0.5 3", "hidden: expected a whole number as bound, found 0.5");
        refused("hidden = uniform 0 3", "hidden: --hidden: expected 1 to 1048576, found 0");
        refused("hidden = uniform 1 1048576000", "hidden: --hidden: expected 1 to 1048576, found 1048576000");
        refused("momentum = uniform 0.5 1.5", "momentum: --momentum: expected 0.0 to 1.0, found 1.5");
        refused(
                "activation = choice tanh softplus",
                "activation: ",
                "expected one of [sigmoid, tanh, relu], found softplus");
        refused("batch-size = choice 5 10", "batch-size: expected on the command line or in the space, found in both");
        space = directory.resolve("none");
        tune(directory.resolve("out")).refused("--space " + space, "found nothing");
    }

    private void refused(String text, String... parts) throws IOException {
        Files.writeString(space, text);
        tune(directory.resolve("out")).refused(parts);
        assertThat(directory.resolve("out")).doesNotExist();
    }

    @Test
    void optionsThatAreOfNoUse() {
        Path out = directory.resolve("out");
        tune(out, "--trials", 0).refused("--trials: expected 1 to 1000, found 0");
        tune(out, "--eta", 0).refused("--eta: expected 1 to ");
        tune(out, "--min-share", 0).refused("--min-share: expected ");
        tune(out, "--validation-fraction", 0).refused("--validation-fraction");
        tune(out, "--iterations", 0).refused("--iterations");
        InProcess.run("tune", "--data", data, "--resume").refused("--resume: expected --out");
    }
}
