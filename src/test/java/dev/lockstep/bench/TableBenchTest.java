package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The command, its peers and its children, without a run of Lockstep. */
class TableBenchTest {
    private static final Path PROJECT = Path.of(System.getProperty("lockstep.project"));

    @TempDir
    Path directory;

    private final StringWriter err = new StringWriter();

    private int execute(String... words) {
        CommandLine commandLine = TableBench.commandLine(PROJECT);
        commandLine.setErr(new PrintWriter(err));
        return commandLine.execute(words);
    }

    @Test
    void wrongUsageIsOneLineAndStatus2() {
        assertThat(execute("--rows", "book-steady,nonsense")).isEqualTo(2);
        assertThat(err.toString().lines())
                .singleElement()
                .asString()
                .startsWith("bench: --rows: expected some of book-steady, book-whole, ")
                .endsWith("found nonsense");
    }

    @Test
    void unknownOptionsAndMissingDataAreRefused() {
        assertThat(execute("--nonsense")).isEqualTo(2);
        assertThat(execute("--repeat", "0")).isEqualTo(2);
        assertThat(execute("--data", directory.toString())).isEqualTo(2);
        assertThat(err.toString().lines())
                .hasSize(3)
                .allMatch(line -> line.startsWith("bench: "))
                .anyMatch(line -> line.contains("--nonsense"))
                .anyMatch(line -> line.contains("found 0"))
                .anyMatch(line -> line.contains("train-images-idx3-ubyte"));
    }

    @Test
    void everyRowOfTheTableIsThere() throws IOException {
        try (Workplace workplace = Workplace.in(directory)) {
            NumpyPeer numpy = new NumpyPeer(workplace, "no-such-python");
            Experiments experiments = new Experiments(directory, 8_000, true, workplace, numpy);
            assertThat(experiments.all().stream()
                            .flatMap(experiment -> experiment.rows().stream())
                            .filter(row -> !Double.isNaN(row.must()))
                            .map(row -> row.key() + " " + row.bound(row.must()) + " " + row.bound(row.aim())))
                    .containsExactly(
                            "book-steady >= 3 >= 6",
                            "book-whole >= 2.5 >= 4",
                            "book-warm-up >= 2.5 >= 4",
                            "book-scalar >= 1 ",
                            "book-cluster >= 0.67 >= 1",
                            "batch-4096 >= 4 >= 8",
                            "hidden-800 >= 1.5 >= 3",
                            "to-accuracy >= 20 >= 50",
                            "to-accuracy-warm-up >= 20 >= 50",
                            "evaluate-steady >= 1,000,000 >= 3,000,000",
                            "evaluate-whole >= 1,000,000 >= 3,000,000",
                            "dense >= 0.7 >= 1",
                            "kernels >= 0.3 >= 0.6",
                            "start <= 12 <= 7");
        }
    }

    @Test
    void anAbsentNumPyIsNamedWhereItIsNeeded() throws IOException {
        try (Workplace workplace = Workplace.in(directory)) {
            NumpyPeer numpy = new NumpyPeer(workplace, "no-such-python");
            assertThat(numpy.absence()).contains("no-such-python");
            assertThat(numpy.version()).isEqualTo("absent");
            assertThatThrownBy(() -> numpy.training(directory, 50, 100, 1).run())
                    .isInstanceOf(AbsentException.class)
                    .hasMessage(numpy.absence());
        }
        assertThat(directory.resolve("target/bench")).isEmptyDirectory();
    }

    @Test
    void aChildThatFailsIsQuoted() {
        assertThatThrownBy(() -> ChildProcess.run(
                        List.of("sh", "-c", "echo first >&2; echo second >&2; exit 3"), Map.of(), directory))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("status 3")
                .hasMessageContaining("second");
    }

    @Test
    void aChildIsNotTuned() throws IOException {
        Files.createDirectory(directory.resolve("a"));
        ChildProcess.Finished child = ChildProcess.run(
                List.of("sh", "-c", "env; echo; echo '{\"a\": 1}'"), Map.of("ADDED", "it"), directory.resolve("a"));
        // The test runner sets SPARK_HOME for executors of its own.
        assertThat(System.getenv()).containsKey("SPARK_HOME");
        assertThat(child.out().lines())
                .contains("ADDED=it", "JAVA_HOME=" + System.getProperty("java.home"))
                .noneMatch(line -> line.startsWith("SPARK_HOME="));
        assertThat(child.json().path("a").asInt()).isEqualTo(1);
        assertThat(child.seconds()).isPositive();
    }

    @Test
    void aChildThatPrintsNoJsonIsQuoted() throws IOException {
        ChildProcess.Finished child = ChildProcess.run(List.of("echo", "{nonsense"), Map.of(), directory);
        assertThatThrownBy(child::json)
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("echo {nonsense")
                .hasMessageContaining("found {nonsense");
    }
}
