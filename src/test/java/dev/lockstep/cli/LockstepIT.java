package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From the digits of the repository to a model that is evaluated and exported, through submit/lockstep. */
class LockstepIT {
    private static final int STEPS = 300;
    private static final List<String> TEXTS = List.of("engine", "kernel", "java_version", "weights_sha256");
    private static final List<String> NUMBERS = List.of(
            "steps",
            "batch_size",
            "tasks",
            "shards",
            "ms_per_step",
            "ms_per_step_p50",
            "ms_per_step_p99",
            "training_seconds",
            "process_seconds",
            "train_accuracy",
            "test_accuracy",
            "final_loss",
            "workers_lost",
            "workers_joined",
            "bytes_up_per_step",
            "bytes_down_per_step",
            "allocated_bytes_per_step",
            "gc_count_in_loop",
            "off_heap_peak_bytes");

    @TempDir
    static Path directory;

    private static Programs programs;
    private static Path run;
    private static Outcome trained;

    /** The preset book, cut short, in one process; from a directory that is not the project's. */
    @BeforeAll
    static void train() {
        programs = new Programs(directory);
        run = directory.resolve("local");
        trained = programs.lockstep(
                "--master",
                "local[2]",
                "train",
                "--preset",
                "book",
                "--iterations",
                STEPS,
                "--engine",
                "local",
                "--out",
                run,
                "--trace-batches",
                run.resolve("batches.txt"));
        trained.succeeded();
    }

    private static JsonNode json(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    private static JsonNode summary() throws IOException {
        return json(run.resolve("summary.json"));
    }

    private static double printed(Outcome outcome, String what) {
        Matcher matcher = Pattern.compile("(?m)^" + what + " +([0-9.]+)$").matcher(outcome.out());
        assertThat(matcher.find()).as("%s in %s", what, outcome.out()).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void printsAccuraciesAndDigest() throws IOException {
        assertThat(printed(trained, "train accuracy"))
                .isBetween(0.5, 0.7)
                .isEqualTo(Math.round(1e4 * summary().path("train_accuracy").asDouble()) / 1e4);
        assertThat(printed(trained, "test accuracy"))
                .isBetween(0.4, 0.7)
                .isEqualTo(Math.round(1e4 * summary().path("test_accuracy").asDouble()) / 1e4);
        assertThat(trained.weightsSha256())
                .isEqualTo(summary().path("weights_sha256").asText());
        assertThat(trained.out())
                .contains(
                        "784-50-10",
                        "8000 examples",
                        run.resolve("model.safetensors").toString());
    }

    @Test
    void summaryHasWhatIsPromised() throws IOException {
        JsonNode summary = summary();
        assertThat(TEXTS)
                .allSatisfy(
                        key -> assertThat(summary.path(key).isTextual()).as(key).isTrue());
        assertThat(NUMBERS)
                .allSatisfy(
                        key -> assertThat(summary.path(key).isNumber()).as(key).isTrue());
        assertThat(summary.path("config").isObject()).isTrue();
        assertThat(summary.path("steps").asInt()).isEqualTo(STEPS);
        assertThat(summary.path("batch_size").asInt()).isEqualTo(100);
        assertThat(summary.path("java_version").asText()).isEqualTo(System.getProperty("java.version"));
        double seconds = summary.path("training_seconds").asDouble();
        assertThat(seconds)
                .isPositive()
                .isLessThan(summary.path("process_seconds").asDouble());
        assertThat(summary.path("ms_per_step").asDouble()).isBetween(990 * seconds / STEPS, 1010 * seconds / STEPS);
        assertThat(summary.path("ms_per_step_p50").asDouble())
                .isPositive()
                .isLessThanOrEqualTo(summary.path("ms_per_step_p99").asDouble());
        assertThat(summary.path("off_heap_peak_bytes").asLong()).isGreaterThan(1_000_000);
        assertThat(summary.path("config").path("hidden").asText()).isEqualTo("50");
    }

    @Test
    void digestIsThatOfTheModelsBytes() throws Exception {
        SafetensorsBytes model = new SafetensorsBytes(run.resolve("model.safetensors"));
        assertThat(model.weightsSha256(784, 50, 10)).isEqualTo(trained.weightsSha256());
        assertThat(model.text("config.learning-rate")).isEqualTo("0.1");
    }

    @Test
    void runDirectoryHoldsTheRun() throws IOException {
        try (Stream<Path> files = Files.list(run)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .contains("model.safetensors", "metrics.jsonl", "summary.json", "batches.txt")
                    .noneMatch(name -> name.startsWith("."));
        }
        List<String> metrics = Files.readAllLines(run.resolve("metrics.jsonl"));
        assertThat(metrics).hasSize(3 + 4); // each 100 steps; each epoch of 80 and at the end
        assertThat(new ObjectMapper().readTree(metrics.get(6)).path("test_accuracy"))
                .isEqualTo(summary().path("test_accuracy"));
        List<String> batches = Files.readAllLines(run.resolve("batches.txt"));
        assertThat(batches).hasSize(STEPS);
        assertThat(batches).allMatch(line -> line.matches("\\d{1,4}( \\d{1,4}){99}"));
    }

    /** Spark's own options stand before the command; the run directory is made where nobody said where. */
    @Test
    void jobsGiveTheSameModel() throws IOException {
        Outcome outcome = programs.lockstep(
                "--name",
                "a name",
                "--conf",
                "spark.ui.enabled=false",
                "--master",
                "local[2]",
                "train",
                "--engine",
                "job",
                "--tasks",
                2,
                "--iterations",
                STEPS);
        assertThat(outcome.succeeded().weightsSha256()).isEqualTo(trained.weightsSha256());
        assertThat(outcome.out()).contains("engine job, 2 tasks");
        Matcher model = Pattern.compile("(?m)^model +(\\S+)$").matcher(outcome.out());
        assertThat(model.find()).isTrue();
        Path newRun;
        try (Stream<Path> files = Files.walk(directory)) {
            newRun = files.filter(file -> file.endsWith(model.group(1)))
                    .findFirst()
                    .orElseThrow()
                    .getParent();
        }
        assertThat(newRun.getParent()).endsWith(Path.of("target", "runs"));
        assertThat(newRun.resolve("model.safetensors")).hasSameBinaryContentAs(run.resolve("model.safetensors"));
        assertThat(json(newRun.resolve("summary.json")).path("tasks").asInt()).isEqualTo(2);
    }

    /** The engine that is the default, whichever it is, on one core. */
    @Test
    void defaultEngineGivesTheSameModel() {
        Path out = directory.resolve("default");
        Outcome outcome = programs.lockstep("--master", "local[1]", "train", "--iterations", STEPS, "--out", out);
        assertThat(outcome.succeeded().weightsSha256()).isEqualTo(trained.weightsSha256());
        assertThat(out.resolve("model.safetensors")).hasSameBinaryContentAs(run.resolve("model.safetensors"));
    }

    @Test
    void evaluateFindsTheAccuracyOfTheRun() throws IOException {
        Path out = directory.resolve("evaluation.json");
        Outcome outcome = programs.startOnSpark(
                        "evaluate",
                        "--model",
                        run.resolve("model.safetensors"),
                        "--data",
                        Programs.project("data/mnist-10k"),
                        "--out",
                        out)
                .outcome();
        assertThat(outcome.succeeded().out()).contains("2000 examples", "precision", "recall", "F1", "confusion");
        assertThat(json(out).path("accuracy")).isEqualTo(summary().path("test_accuracy"));
        assertThat(json(out).path("examples_per_second").asDouble()
                        * json(out).path("scoring_seconds").asDouble())
                .isCloseTo(2000, within(0.01))
                .isCloseTo( // one range, of one task
                        json(out).path("examples_per_second_p50").asDouble()
                                * json(out).path("scoring_seconds").asDouble(),
                        within(0.01));
        assertThat(outcome.errLines()).singleElement().asString().contains(" INFO KernelOption: kernels: ");
    }

    /** NumPy's arrays hold the very bytes of the model's tensors. */
    @Test
    void exportGivesNumPyTheSameNumbers() throws IOException {
        Path npz = directory.resolve("model.npz");
        Path model = run.resolve("model.safetensors");
        programs.lockstep("export", "--model", model, "--format", "npz", "--out", npz)
                .succeeded();
        SafetensorsBytes tensors = new SafetensorsBytes(model);
        try (ZipFile zip = new ZipFile(npz.toFile())) {
            assertThat(zip.stream().map(Object::toString))
                    .containsExactlyInAnyOrder("W1.npy", "b1.npy", "W2.npy", "b2.npy");
            assertThat(npyData(zip, "W1")).isEqualTo(tensors.tensor("W1", 784, 50));
            assertThat(npyData(zip, "b1")).isEqualTo(tensors.tensor("b1", 50));
            assertThat(npyData(zip, "W2")).isEqualTo(tensors.tensor("W2", 50, 10));
            assertThat(npyData(zip, "b2")).isEqualTo(tensors.tensor("b2", 10));
        }
    }

    /** The data of an array in NumPy's format version 1, which must be little-endian float32, row by row. */
    private static byte[] npyData(ZipFile zip, String name) throws IOException {
        byte[] bytes = zip.getInputStream(zip.getEntry(name + ".npy")).readAllBytes();
        int length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort(8);
        String header = new String(bytes, 10, length, StandardCharsets.US_ASCII);
        assertThat(header).contains("'<f4'", "'fortran_order': False");
        return Arrays.copyOfRange(bytes, 10 + length, bytes.length);
    }

    @Test
    void gradcheckAgrees() {
        Outcome outcome = programs.lockstep("gradcheck", "--hidden", 20, "--activation", "tanh", "--loss", "mse");
        assertThat(outcome.succeeded().out()).contains("784-20-10", "W1", "b1", "W2", "b2", "agrees");
        assertThat(outcome.errLines()).singleElement().asString().contains(" INFO KernelOption: kernels: ");
    }

    @Test
    void helpAndVersion() {
        assertThat(programs.lockstep("--help").succeeded().out()).contains("train", "Exit status");
        assertThat(programs.lockstep("--version").succeeded().out()).startsWith("lockstep ");
        assertThat(programs.lockstep("train", "--help").succeeded().out()).contains("--iterations=N", "Example: ");
    }
}
