package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.BadInputException;
import dev.lockstep.files.FaultyFileSystem;
import dev.lockstep.files.FaultyFileSystem.Fault;
import dev.lockstep.step.ScriptedSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
    private static final List<String> OWN =
            List.of("model.safetensors", "metrics.jsonl", "summary.json", "report.html");

    private final Configuration conf = new Configuration();
    private final ObjectMapper json = new ObjectMapper();
    private final List<String> warnings = new ArrayList<>();

    @TempDir
    Path directory;

    private RunDirectory at(Path path, boolean reuse) throws IOException {
        return RunDirectory.at(conf, path.toString(), reuse);
    }

    private static void assertRefused(ThrowingCallable call, String... operands) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.getMessage())
                        .contains("--out")
                        .contains(operands)
                        .doesNotContain("\n"));
    }

    private static List<String> tree(Path root) throws IOException {
        try (Stream<Path> paths = Files.walk(root)) {
            return paths.map(path -> root.relativize(path).toString())
                    .filter(name -> !name.isEmpty())
                    .sorted()
                    .toList();
        }
    }

    /** A run's directory with somebody else's files in it. */
    private void fill() throws IOException {
        for (String name : OWN) {
            Files.writeString(directory.resolve(name), "old " + name);
        }
        Files.createDirectory(directory.resolve("checkpoints"));
        Files.writeString(directory.resolve("checkpoints/step-000000000001.safetensors"), "old");
        Files.writeString(directory.resolve("notes.txt"), "mine");
        Files.createDirectory(directory.resolve("other"));
        Files.writeString(directory.resolve("other/model.safetensors"), "mine too");
    }

    @Test
    void aDirectoryWithSomethingInItIsRefusedAndUntouched() throws IOException {
        fill();
        List<String> before = tree(directory);
        assertRefused(() -> at(directory, false), directory.toString(), "found 7 entries", "--overwrite", "--resume");
        assertThat(tree(directory)).isEqualTo(before);
        for (String name : OWN) {
            assertThat(directory.resolve(name)).hasContent("old " + name);
        }
    }

    @Test
    void lookingChangesNothing() throws IOException {
        fill();
        List<String> before = tree(directory);
        at(directory, true);
        Path fresh = directory.resolve("a/b");
        at(fresh, false);
        assertThat(tree(directory)).isEqualTo(before);
    }

    @Test
    void overwritingRemovesTheRunsOwnFilesOnly() throws IOException {
        fill();
        at(directory, true).create(false);
        assertThat(tree(directory)).containsExactly("notes.txt", "other", "other/model.safetensors");
        assertThat(directory.resolve("notes.txt")).hasContent("mine");
        assertThat(directory.resolve("other/model.safetensors")).hasContent("mine too");
    }

    @Test
    void whatAKilledRunHasLeftOfItsMetricsIsSwept() throws IOException {
        for (boolean isResumed : new boolean[] {false, true}) {
            Files.writeString(directory.resolve(".lockstep-tmp-metrics-1234"), "{}");
            Files.writeString(directory.resolve(".lockstep-tmp-1234"), "of a report that is being made");
            RunDirectory run = at(directory, true);
            run.create(isResumed);
            run.openMetrics(0).close();
            assertThat(tree(directory)).containsExactly(".lockstep-tmp-1234", "metrics.jsonl");
        }
    }

    @Test
    void resumingRemovesNothing() throws IOException {
        fill();
        List<String> before = tree(directory);
        at(directory, true).create(true);
        assertThat(tree(directory)).isEqualTo(before);
        assertThat(directory.resolve("model.safetensors")).hasContent("old model.safetensors");
    }

    @Test
    void newAndEmptyDirectoriesAreTaken() throws IOException {
        at(directory, false).create(false);
        Path fresh = directory.resolve("runs/one");
        RunDirectory run = at(fresh, false);
        run.create(false);
        assertThat(fresh).isEmptyDirectory();
        assertThat(run.model().getName()).isEqualTo("model.safetensors");
        assertThat(run.checkpoints().getName()).isEqualTo("checkpoints");
    }

    @Test
    void aFileInTheWayIsRefusedAndUntouched() throws IOException {
        Path file = Files.writeString(directory.resolve("run"), "mine");
        for (boolean reuse : new boolean[] {false, true}) {
            assertRefused(() -> at(file, reuse), file.toString(), "expected a directory, found a file");
        }
        assertThat(file).hasContent("mine");
    }

    /** A place below a file can be written by nobody, whoever runs the tests. */
    @Test
    void aPlaceThatCannotBeWrittenIsRefused() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "mine");
        Path below = file.resolve("run");
        assertRefused(
                () -> at(below, false).create(false), below.toString(), "expected a directory that can be written");
        assertThat(file).hasContent("mine");
    }

    @Test
    void anUnknownFilesystemIsRefused() {
        assertRefused(() -> RunDirectory.at(conf, "nosuch://host/run", false), "nosuch://host/run");
        assertRefused(() -> RunDirectory.at(conf, ":", false), ":");
    }

    @Test
    void theSummaryIsWholeJson() throws IOException {
        RunDirectory run = at(directory, false);
        run.create(false);
        run.writeSummary(json.createObjectNode().put("steps", 1));
        run.writeSummary(json.createObjectNode().put("steps", 2));
        assertThat(json.readTree(directory.resolve("summary.json").toFile())
                        .path("steps")
                        .asInt())
                .isEqualTo(2);
        assertThat(tree(directory)).containsExactly("summary.json");
    }

    private List<JsonNode> metrics() throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(directory.resolve("metrics.jsonl"))) {
            lines.add(json.readTree(line));
        }
        return lines;
    }

    private static TrainingListener.StepReport step(long number) {
        return new TrainingListener.StepReport(number, 1.0 / number, 0.25f, 1_000);
    }

    @Test
    void metricsAreJsonLinesThatCanBeReadAtOnce() throws IOException {
        RunDirectory run = at(directory, false);
        run.create(false);
        try (MetricsLog log = new MetricsLog(run.openMetrics(0), 2, warnings::add)) {
            log.stepDone(step(1));
            assertThat(metrics()).isEmpty();
            log.stepDone(step(2));
            assertThat(metrics()).hasSize(1);
            assertThat(metrics().get(0).path("step").asLong()).isEqualTo(2);
            assertThat(metrics().get(0).path("loss").asDouble()).isEqualTo(0.5);
            assertThat(metrics().get(0).path("learning_rate").asDouble()).isEqualTo(0.25);
            log.evaluated(new Evaluation(
                    2,
                    0.5,
                    ScriptedSource.score(600, 1.5),
                    Optional.of(ScriptedSource.score(500, 2)),
                    ScriptedSource.score(400, Double.NaN)));
            JsonNode line = metrics().get(1);
            assertThat(line.path("epoch").asDouble()).isEqualTo(0.5);
            assertThat(line.path("train_accuracy").asDouble()).isEqualTo(0.6);
            assertThat(line.path("train_loss").asDouble()).isEqualTo(1.5);
            assertThat(line.path("validation_accuracy").asDouble()).isEqualTo(0.5);
            assertThat(line.path("validation_loss").asDouble()).isEqualTo(2);
            assertThat(line.path("test_accuracy").asDouble()).isEqualTo(0.4);
        }
        assertThat(tree(directory)).containsExactly("metrics.jsonl");
    }

    @Test
    void resumingKeepsMetricsUpToItsStep() throws IOException {
        RunDirectory run = at(directory, false);
        run.create(false);
        try (MetricsLog log = new MetricsLog(run.openMetrics(0), 1, warnings::add)) {
            for (long s = 1; s <= 10; s++) {
                log.stepDone(step(s));
            }
        }
        // What a killed process may leave: half a line, and a block that was never written.
        Files.writeString(
                directory.resolve("metrics.jsonl"),
                Files.readString(directory.resolve("metrics.jsonl"))
                        + "{\"step\":4,\"lo}\n\u0000\u0000}\n{\"step\":3,\"lo");
        at(directory, true).create(true);
        try (MetricsLog log = new MetricsLog(run.openMetrics(6), 1, warnings::add)) {
            assertThat(metrics())
                    .extracting(line -> line.path("step").asLong())
                    .containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
            log.stepDone(step(7));
        }
        assertThat(metrics())
                .extracting(line -> line.path("step").asLong())
                .endsWith(6L, 7L)
                .hasSize(7);
        run.openMetrics(0).close();
        assertThat(metrics()).isEmpty();
    }

    /** A full disk from the second line on: the run hears of it once, and the lines that are lost are counted. */
    @Test
    void aFullDiskEndsTheMetricsAndNotTheRun() throws IOException {
        Configuration conf = FaultyFileSystem.configuration(Fault.NONE);
        RunDirectory run = RunDirectory.at(conf, "faulty://" + directory.resolve("run"), false);
        run.create(false);
        MetricsLog log = new MetricsLog(run.openMetrics(0), 1, warnings::add);
        try (log) {
            log.stepDone(step(1));
            conf.setEnum(FaultyFileSystem.FAULT, Fault.WRITE);
            log.stepDone(step(2));
            log.stepDone(step(3));
            conf.setEnum(FaultyFileSystem.FAULT, Fault.NONE);
            log.stepDone(step(4));
        }
        assertThat(log.linesLost()).isEqualTo(3);
        assertThat(warnings)
                .singleElement()
                .asString()
                .contains("metrics.jsonl", "No space left on device")
                .doesNotContain("\n");
        assertThat(Files.readAllLines(directory.resolve("run/metrics.jsonl"))).hasSize(1);
    }

    /** Who follows the file by its name finds every line once, and no half one. */
    @Test
    void metricsThatBreakOffAreBegunAgain() throws IOException {
        Configuration conf = FaultyFileSystem.configuration(Fault.NONE);
        RunDirectory run = RunDirectory.at(conf, "faulty://" + directory.resolve("run"), false);
        run.create(false);
        MetricsLog log = new MetricsLog(run.openMetrics(0), 1, warnings::add);
        try (log) {
            for (long s = 1; s <= 9; s++) {
                Fault fault = s == 6 ? Fault.BREAK_OFF_LATE : Fault.BREAK_OFF;
                conf.setEnum(FaultyFileSystem.FAULT, s % 3 == 0 ? fault : Fault.NONE);
                log.stepDone(step(s));
                assertThat(Files.readAllLines(directory.resolve("run/metrics.jsonl")))
                        .hasSize((int) s);
            }
        }
        assertThat(log.linesLost()).isZero();
        assertThat(warnings)
                .hasSize(3)
                .first()
                .isEqualTo("metrics.jsonl broke off and was begun again with 2 of its 2 lines: too few nodes are left");
        for (String line : Files.readAllLines(directory.resolve("run/metrics.jsonl"))) {
            assertThat(json.readTree(line).path("step").asInt()).isPositive();
        }
        assertThat(tree(directory.resolve("run"))).containsExactly("metrics.jsonl");
    }

    /** What can no longer be read of it is counted. */
    @Test
    void linesThatAreGoneWhenMetricsAreBegunAgainAreCounted() throws IOException {
        Configuration conf = FaultyFileSystem.configuration(Fault.NONE);
        RunDirectory run = RunDirectory.at(conf, "faulty://" + directory.resolve("run"), false);
        run.create(false);
        MetricsLog log = new MetricsLog(run.openMetrics(0), 1, warnings::add);
        Path file = directory.resolve("run/metrics.jsonl");
        try (log) {
            for (long s = 1; s <= 4; s++) {
                log.stepDone(step(s));
            }
            String text = Files.readString(file);
            Files.writeString(file, text.substring(0, text.indexOf("{\"step\":3") + 5));
            conf.setEnum(FaultyFileSystem.FAULT, Fault.BREAK_OFF);
            log.stepDone(step(5));
        }
        assertThat(log.linesLost()).isEqualTo(2);
        assertThat(warnings).singleElement().asString().contains("with 2 of its 4 lines");
        assertThat(Files.readAllLines(file)).hasSize(3).last().asString().contains("\"step\":5");
    }
}
