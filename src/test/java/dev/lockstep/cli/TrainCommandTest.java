package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.files.GatedFileSystem;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The command {@code train} on a tiny set: what its options do to the files that a run leaves. */
@ExtendWith(LeakCheck.class)
class TrainCommandTest {
    @TempDir
    Path directory;

    private Path data;

    @BeforeEach
    void makeData() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.GZIP);
    }

    /** Trains in this process into {@code directory/name}, with these options beside data and place. */
    private Outcome train(String name, Object... options) {
        return trainOn("local", name, options);
    }

    private Outcome trainOn(String engine, String name, Object... options) {
        List<Object> args = new ArrayList<>(List.of("train", "--data", data, "--engine", engine));
        args.addAll(List.of("--out", directory.resolve(name)));
        args.addAll(Arrays.asList(options));
        return InProcess.run(args.toArray()).succeeded();
    }

    /** Cancels every job while its tasks wait for their files, as a user does who presses "kill" soon. */
    public static final class CancelsAtOnce extends SparkListener {
        private final Path gate;

        public CancelsAtOnce(SparkConf conf) throws IOException {
            gate = GatedFileSystem.gate(conf);
            Files.createFile(gate);
        }

        @Override
        public void onJobStart(SparkListenerJobStart job) {
            SparkContext.getOrCreate().cancelAllJobs();
        }

        @Override
        public void onJobEnd(SparkListenerJobEnd job) {
            assertThat(gate.toFile().delete()).isTrue();
        }
    }

    @Test
    void aRunThatIsCancelledWhileWorkersLoadEndsInOneLine() {
        Map<String, String> settings = new TreeMap<>(GatedFileSystem.settings(directory.resolve("gate")));
        settings.put("spark.extraListeners", CancelsAtOnce.class.getName());
        InProcess.run(
                        settings,
                        "train",
                        "--data",
                        "gated:" + data,
                        "--out",
                        directory.resolve("run"),
                        "--iterations",
                        5)
                .complained("lockstep", 130, "stopped before the workers had loaded the data; nothing was trained");
        assertThat(directory.resolve("run")).doesNotExist();
    }

    private Path file(String run, String name) {
        return directory.resolve(run).resolve(name);
    }

    private JsonNode summary(String run) throws IOException {
        return new ObjectMapper().readTree(file(run, "summary.json").toFile());
    }

    private List<JsonNode> metrics(String run) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file(run, "metrics.jsonl"))) {
            lines.add(new ObjectMapper().readTree(line));
        }
        return lines;
    }

    private int[] steps(String run, String field) throws IOException {
        return metrics(run).stream()
                .filter(line -> line.has(field))
                .mapToInt(line -> line.path("step").intValue())
                .toArray();
    }

    @Test
    void sameBitsAndSameFileFromEveryEngineAndNumberOfTasks() throws IOException {
        Object[] options = {"--iterations", 5, "--batch-size", 16, "--shards", 8, "--validation-fraction", 0.2};
        String sha = train("local", options).weightsSha256();
        byte[] model = Files.readAllBytes(file("local", "model.safetensors"));
        for (String engine : new String[] {"job", "lockstep"}) {
            for (int tasks : new int[] {1, 2, 4, 8}) {
                List<Object> more = new ArrayList<>(Arrays.asList(options));
                more.addAll(List.of("--tasks", tasks));
                String run = engine + tasks;
                assertThat(trainOn(engine, run, more.toArray()).weightsSha256())
                        .as(run)
                        .isEqualTo(sha);
                assertThat(file(run, "model.safetensors")).as(run).hasBinaryContent(model);
                assertThat(summary(run).path("engine").asText()).isEqualTo(engine);
                assertThat(summary(run).path("tasks").asInt()).isEqualTo(tasks);
            }
        }
    }

    @Test
    void anotherSeedOrNumberOfShardsIsAnotherRun() {
        String sha = train("a", "--iterations", 3).weightsSha256();
        assertThat(train("b", "--iterations", 3, "--seed", 2).weightsSha256()).isNotEqualTo(sha);
        assertThat(train("c", "--iterations", 3, "--seed", 1).weightsSha256()).isEqualTo(sha);
    }

    @Test
    void initialWeightsMakeTheRoundTrip() throws Exception {
        String sha = train("zero", "--iterations", 0, "--seed", 5).weightsSha256();
        assertThat(summary("zero").path("steps").asInt(-1)).isZero();
        assertThat(summary("zero").path("final_loss").isNull()).isTrue();
        Path model = file("zero", "model.safetensors");
        assertThat(new SafetensorsBytes(model).weightsSha256(20, 50, 10)).isEqualTo(sha);
        Path npz = directory.resolve("zero.npz");
        Outcome exported = InProcess.run("export", "--model", model, "--format", "npz", "--out", npz);
        assertThat(exported.succeeded().out()).contains(npz.toString(), "20-50-10");
        for (Path weights : List.of(model, npz)) {
            Object[] options = {"--init-weights", weights, "--seed", 6, "--overwrite", "--iterations"};
            assertThat(train("again", append(options, 0)).weightsSha256()).isEqualTo(sha);
            assertThat(new SafetensorsBytes(file("again", "model.safetensors")).text("init-weights"))
                    .isEqualTo(weights.toString());
        }
        // From there training goes on as if they were its own.
        String trained = train("straight", "--iterations", 4, "--seed", 5).weightsSha256();
        assertThat(train("from", "--iterations", 4, "--seed", 5, "--init-weights", npz)
                        .weightsSha256())
                .isEqualTo(trained);
    }

    private static Object[] append(Object[] options, Object last) {
        Object[] all = Arrays.copyOf(options, options.length + 1);
        all[options.length] = last;
        return all;
    }

    @Test
    void traceHasALineAStep() throws IOException {
        Path trace = directory.resolve("trace");
        train("drawn", "--iterations", 7, "--batch-size", 9, "--trace-batches", trace);
        List<int[]> batches = batches(trace);
        assertThat(batches).hasSize(7).allMatch(batch -> batch.length == 9);
        assertThat(batches.stream().flatMapToInt(IntStream::of).boxed())
                .allMatch(example -> example >= 0 && example < 60);
        assertThat(IntStream.range(0, 7).mapToObj(i -> Arrays.toString(batches.get(i))))
                .doesNotHaveDuplicates();
    }

    @Test
    void traceOfEpochsVisitsEveryExampleOnce() throws IOException {
        Path trace = directory.resolve("inside/trace"); // the run makes that directory
        train("inside", "--epochs", 2, "--batch-size", 8, "--sampling", "epoch", "--trace-batches", trace);
        List<int[]> batches = batches(trace);
        assertThat(batches).hasSize(16); // 7 batches of 8 and one of 4 make 60
        for (int epoch = 0; epoch < 2; epoch++) {
            int[] all = batches.subList(8 * epoch, 8 * epoch + 8).stream()
                    .flatMapToInt(IntStream::of)
                    .sorted()
                    .toArray();
            assertThat(all).isEqualTo(IntStream.range(0, 60).toArray());
        }
    }

    private static List<int[]> batches(Path trace) throws IOException {
        return Files.readAllLines(trace).stream()
                .map(line -> Arrays.stream(line.split(" "))
                        .mapToInt(Integer::parseInt)
                        .toArray())
                .toList();
    }

    @Test
    void epochsAreStepsOfTheTrainingSet() throws IOException {
        train("epochs", "--epochs", 3, "--batch-size", 16);
        assertThat(summary("epochs").path("steps").asInt()).isEqualTo(12);
        train("held-out", "--epochs", 3, "--batch-size", 16, "--validation-fraction", 0.5);
        assertThat(summary("held-out").path("steps").asInt()).isEqualTo(6);
        assertThat(summary("held-out").path("validation_accuracy").isNumber()).isTrue();
    }

    @Test
    void metricsHaveALineALoggedStepAndAnEvaluation() throws IOException {
        train("run", "--iterations", 10, "--log-every", 3, "--evaluate-every", 4);
        assertThat(steps("run", "loss")).containsExactly(3, 6, 9);
        assertThat(steps("run", "test_accuracy")).containsExactly(4, 8, 10);
        assertThat(metrics("run")).allSatisfy(line -> assertThat(line).allMatch(JsonNode::isNumber));
        assertThat(metrics("run").get(0).path("learning_rate").asDouble()).isEqualTo(0.1);
    }

    @Test
    void presetBeatsDefaultAndCommandLineBeatsPreset() throws IOException {
        train("default", "--iterations", 1);
        JsonNode config = summary("default").path("config");
        assertThat(config.path("hidden").asText() + " "
                        + config.path("batch-size").asText())
                .isEqualTo("50 100");
        train("preset", "--preset", "test-tiny");
        config = summary("preset").path("config");
        assertThat(config.path("hidden").asText()).isEqualTo("7");
        assertThat(config.path("learning-rate").asText()).isEqualTo("0.25");
        assertThat(config.path("seed").asText()).isEqualTo("11");
        assertThat(summary("preset").path("steps").asInt()).isEqualTo(9);
        assertThat(summary("preset").path("batch_size").asInt()).isEqualTo(6);
        assertThat(steps("preset", "loss")).containsExactly(3, 6, 9);
        train("line", "--hidden=4", "--preset=test-tiny", "--iterations", 2);
        assertThat(summary("line").path("config").path("hidden").asText()).isEqualTo("4");
        assertThat(summary("line").path("config").path("seed").asText()).isEqualTo("11");
        assertThat(summary("line").path("steps").asInt()).isEqualTo(2);
    }

    /** Steps on the command line beat the preset's epochs, as epochs on the command line beat the preset's steps. */
    @Test
    void lengthOnTheCommandLineBeatsThePresets() throws IOException {
        train("passes", "--preset", "test-epochs");
        assertThat(summary("passes").path("steps").asInt()).isEqualTo(2);
        train("steps", "--preset", "test-epochs", "--iterations", 5);
        assertThat(summary("steps").path("steps").asInt()).isEqualTo(5);
        train("epochs", "--preset", "test-tiny", "--epochs", 1);
        assertThat(summary("epochs").path("steps").asInt()).isEqualTo(10);
    }

    @Test
    void earlyStoppingKeepsTheBestWeights() throws IOException {
        Object[] options = {"--validation-fraction", 0.5, "--evaluate-every", 1, "--learning-rate", 5};
        List<Object> more = new ArrayList<>(Arrays.asList(options));
        more.addAll(List.of("--patience", 2, "--iterations", 500, "--batch-size", 30));
        train("stopped", more.toArray());
        JsonNode summary = summary("stopped");
        assertThat(summary.path("steps").asInt()).isLessThan(500);
        assertThat(summary.path("model_step").asInt())
                .isLessThan(summary.path("steps").asInt());
    }

    @Test
    void gradcheckTakesTheSamePreset() {
        Outcome check = InProcess.run("gradcheck", "--data", data, "--preset", "test-tiny", "--activation", "tanh");
        assertThat(check.succeeded().out())
                .contains("20-7-10", "batch of 6 examples", "backpropagation agrees with", "1.0e-04 of");
        List<String> rows =
                check.out().lines().filter(line -> line.matches("[Wb][12] .*")).toList();
        assertThat(rows).hasSize(4).allMatch(row -> row.endsWith("  agrees"));
        assertThat(rows.get(0)).matches("W1 +140 +\\S+e-\\d+ +\\S+e-\\d+  \\[\\d+, \\d\\] .*");
        assertThat(rows.get(3)).matches("b2 +10 +\\S+e-\\d+ +\\S+e-\\d+  \\[\\d\\] .*");
        Outcome strict = InProcess.run("gradcheck", "--data", data, "--tolerance", 0);
        assertThat(strict.status()).isEqualTo(1);
        assertThat(strict.out()).containsPattern("(?m)^W1 .*  DISAGREES$").contains("backpropagation DISAGREES with");
    }

    /** From the first step to a model that has learnt, with a word on what it costs. */
    @Test
    void trainsByTheNumericalGradient() {
        Object[] options = {"--hidden", 3, "--iterations", 30, "--learning-rate", 0.5, "--gradient", "numerical"};
        Outcome numerical = train("numerical", options);
        assertThat(numerical.out()).contains("numerical gradient: every step moves each of 103 parameters");
        Outcome backprop = train("backprop", Arrays.copyOf(options, 6));
        assertThat(backprop.out()).doesNotContain("numerical gradient");
        assertThat(lastLoss(numerical))
                .isCloseTo(lastLoss(backprop), within(1e-3))
                .isLessThan(Math.log(10));
    }

    private static double lastLoss(Outcome outcome) {
        return Double.parseDouble(outcome.out().replaceAll("(?s).*step +30 .*?loss ([0-9.]+).*", "$1"));
    }
}
