package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a person is told of a run, and how. */
class WatchOptionsTest {
    private static final String COLUMNS = "lockstep.terminal.columns";

    @TempDir
    Path directory;

    private Path data;

    @BeforeEach
    void makeData() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.GZIP);
    }

    @AfterEach
    void noTerminal() {
        System.clearProperty(COLUMNS);
    }

    private Outcome train(Object... options) {
        return trainSteps(20, options);
    }

    private Outcome trainSteps(int steps, Object... options) {
        List<Object> args = new ArrayList<>(List.of("train", "--data", data, "--engine", "local", "--overwrite"));
        args.addAll(List.of("--out", directory.resolve("run"), "--iterations", steps, "--log-every", 5));
        args.addAll(Arrays.asList(options));
        return InProcess.run(args.toArray());
    }

    @Test
    void quietPrintsNothingAndLeavesEverything() {
        assertThat(train("--quiet").succeeded().out()).isEmpty();
        assertThat(Files.exists(directory.resolve("run/report.html"))).isTrue();
    }

    @Test
    void verboseHasALineALoggedStepAlsoOnATerminal() {
        System.setProperty(COLUMNS, "80");
        String out = train("--verbose").succeeded().out();
        assertThat(out)
                .contains("step      5  loss", "step     20  loss", "learning rate 0.1", "steps           median");
        assertThat(out).doesNotContain("\u001b").doesNotContain("\r");
    }

    @Test
    void aTerminalHasOneLiveLineThatIsGoneInTheEnd() {
        System.setProperty(COLUMNS, "60");
        String out = trainSteps(3000).succeeded().out();
        assertThat(out).contains("\r\u001b[K", "/3000").doesNotContain("accuracy: train");
        String[] drawn = out.substring(0, out.lastIndexOf("\u001b[K")).split("\u001b\\[K");
        assertThat(drawn).hasSizeGreaterThan(1);
        for (int i = 1; i < drawn.length; i++) {
            assertThat(drawn[i].lines().findFirst().orElse("").strip()).hasSizeLessThan(60);
        }
        assertThat(drawn[drawn.length - 1]).contains("step 3000/3000", "loss ", "test ");
        assertThat(out.substring(out.lastIndexOf("\u001b[K") + 3)).startsWith("done: 3000 steps");
    }

    @Test
    void elsewhereThereAreLines() {
        String out = train().succeeded().out();
        assertThat(out).contains("accuracy: train").doesNotContain("\u001b").doesNotContain("\r");
    }

    @Test
    void notBoth() {
        train("--quiet", "--verbose").refused("--quiet and --verbose", "one of them");
    }
}
