package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wrong usage of every kind: status 2, one line that names the option, what was expected and what was found. */
@ExtendWith(LeakCheck.class)
class BadUsageTest {
    private static final String WHOLE = "expected a whole number";

    @TempDir
    Path directory;

    private Path data;
    private Map<String, String> before;

    @BeforeEach
    void makeData() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        before = Snapshot.of(directory);
    }

    /** Runs a command line that is to be refused, and checks that no file came, went or changed. */
    private void refused(List<String> args, String... parts) {
        InProcess.run(args.toArray()).refused(parts);
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    /** As {@link #refused}, for train in this process with data and place that are right. */
    private void trainRefused(List<String> options, String... parts) {
        List<String> args = new ArrayList<>(List.of("train", "--data", data.toString(), "--engine", "local"));
        args.addAll(List.of("--out", directory.resolve("run").toString()));
        args.addAll(options);
        refused(args, parts);
    }

    @Test
    void noCommandOrAnotherOne() {
        refused(List.of(), "expected a command: train, tune, evaluate, predict, gradcheck, export, report");
        refused(
                List.of("trian"),
                "expected a command: train, tune, evaluate, predict, gradcheck, export, report",
                "found trian");
        refused(List.of("--verbose"), "expected a command", "found --verbose");
    }

    @Test
    void unknownOption() {
        trainRefused(List.of("--iteration", "5"), "options of train, found --iteration", "--iterations");
        trainRefused(List.of("--zzz"), "options of train, found --zzz", "--help");
        trainRefused(List.of("stray"), "options of train, found stray");
        refused(List.of("evaluate", "--model", "m", "--seed", "1"), "options of evaluate, found --seed");
        refused(
                List.of("export", "--model", "m", "--format", "npz", "--out", "o", "--hidden", "5"),
                "options of export, found --hidden");
    }

    @Test
    void missingOptionOrValue() {
        refused(List.of("evaluate"), "--model");
        refused(List.of("export", "--model", "m", "--format", "npz"), "--out");
        trainRefused(List.of("--hidden"), "--hidden");
        trainRefused(List.of("--hidden", "--seed", "1"), "--hidden", "found '--seed'");
        trainRefused(List.of("--seed", "1", "--seed", "2"), "--seed", "only once");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--data", "--out", "--init-weights", "--trace-batches", "--preset"})
    void emptyText(String option) {
        refused(List.of("train", option, ""), option, "expected a");
    }

    /** Columns: option; a value just below its range, and one just above; nothing where every such number will do. */
    @ParameterizedTest
    @CsvSource({
        "--seed, , ",
        "--hidden, 0, 1048577",
        "--classes, 1, 257",
        "--batch-size, 0, 16777217",
        "--shards, 0, 65537",
        "--tasks, 0, 65537",
        "--iterations, -1, 1099511627777",
        "--epochs, -1, 1048577",
        "--patience, -1, 1073741825",
        "--checkpoint-every, -1, 1099511627777",
        "--keep-checkpoints, 0, 1048577",
        "--evaluate-every, 0, 1099511627777",
        "--log-every, 0, 1099511627777",
        "--warmup-steps, -1, 1099511627777",
        "--decay-every, 0, 1099511627777",
    })
    void wholeNumber(String option, String below, String above) {
        for (String text : new String[] {"many", "1.5", "1e3", "0x10", "NaN", "5x", "99999999999999999999"}) {
            trainRefused(List.of(option, text), option, WHOLE, "found " + text);
        }
        if (below != null) {
            trainRefused(List.of(option, below), option + ": expected ", "found " + below);
            trainRefused(List.of(option, above), option + ": expected ", "found " + above);
        }
    }

    /** Columns: option; a value above its range. */
    @ParameterizedTest
    @CsvSource({
        "--learning-rate, 1e7",
        "--momentum, 1.5",
        "--weight-decay, 1e7",
        "--decay-factor, 1.01",
        "--init-std, 1e7",
        "--validation-fraction, 1",
    })
    void number(String option, String above) {
        trainRefused(List.of(option, "much"), option, "expected a number, found much");
        trainRefused(List.of(option, "0,1"), option, "expected a number, found 0,1");
        trainRefused(List.of(option, "NaN"), option + ": expected 0.0 to ", "found NaN");
        trainRefused(List.of(option, "-0.5"), option + ": expected 0.0 to ", "found -0.5");
        trainRefused(List.of(option, above), option + ": expected 0.0 to ", "found");
        trainRefused(List.of(option, "1e999"), option + ": expected 0.0 to ", "found Infinity");
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "-1e-9", "1.5", "x"})
    void tolerance(String text) {
        refused(List.of("gradcheck", "--data", data.toString(), "--tolerance", text), "--tolerance", "expected");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--loss | cross-entropy, mse",
                "--activation | sigmoid, tanh, relu",
                "--init | normal, xavier, he",
                "--sampling | replacement, epoch",
                "--optimizer | sgd, momentum, nesterov",
                "--schedule | constant, step, cosine",
                "--gradient | backprop, numerical",
                "--engine | lockstep, job, local",
                "--kernel | auto, vector, scalar",
            })
    void oneOfSomeNames(String option, String names) {
        for (String text : new String[] {"other", names.split(",")[0].toUpperCase(Locale.ROOT)}) {
            InProcess.run("train", option, text).refused(option, "expected one of [", "found " + text);
        }
        for (String name : names.split(", ")) {
            assertThat(InProcess.run("train", option, "other").err()).contains(name);
        }
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    @Test
    void splitAndFormat() {
        refused(List.of("evaluate", "--model", "m", "--split", "all"), "--split", "found all");
        refused(List.of("evaluate", "--model", "m", "--split", "validation"), "--split", "found validation");
        refused(List.of("export", "--model", "m", "--format", "hdf5", "--out", "o"), "--format", "npz", "found hdf5");
    }

    @Test
    void optionsThatExcludeOrNeedEachOther() {
        trainRefused(List.of("--iterations", "5", "--epochs", "1"), "--iterations and --epochs", "found both");
        trainRefused(List.of("--patience", "2"), "--patience 2", "--validation-fraction");
        trainRefused(List.of("--resume", "--overwrite"), "--resume and --overwrite", "found both");
        refused(List.of("train", "--data", data.toString(), "--resume"), "--resume", "--out");
    }

    @Test
    void nothingLeftToTrainWith() {
        trainRefused(List.of("--validation-fraction", "0.99"), "--validation-fraction 0.99", "60 examples");
    }

    @Test
    void networkBeyondOneBlock() throws IOException {
        Path large = Files.createDirectory(directory.resolve("large"));
        IdxWriter.random(1, 10, 30, 30, 10, 0.1).write(large, "train", Storage.PLAIN);
        IdxWriter.random(2, 10, 30, 30, 10, 0.1).write(large, "t10k", Storage.PLAIN);
        before = Snapshot.of(directory);
        String found = "found 900-1048576-10";
        String out = directory.resolve("run").toString();
        refused(
                List.of("train", "--data", large.toString(), "--out", out, "--hidden", "1048576"),
                "--hidden 1048576",
                found);
        refused(List.of("gradcheck", "--data", large.toString(), "--hidden", "1048576"), "--hidden 1048576", found);
    }

    @Test
    void presets() {
        trainRefused(List.of("--preset", "nope"), "--preset nope", "conf/nope.properties", "book");
        trainRefused(List.of("--preset=nope"), "--preset nope");
        trainRefused(List.of("--preset", "../book"), "--preset ../book", "letters");
        trainRefused(List.of("--preset", "test-unknown-key"), "conf/test-unknown-key.properties", "lerning-rate");
        trainRefused(List.of("--preset", "test-nested"), "conf/test-nested.properties", "preset");
        trainRefused(List.of("--preset", "test-malformed"), "conf/test-malformed.properties");
        trainRefused(
                List.of("--preset", "test-bad-value"),
                "--hidden",
                WHOLE,
                "found many",
                "conf/test-bad-value.properties");
        refused(List.of("gradcheck", "--preset", "test-unknown-key"), "conf/test-unknown-key.properties");
        // The command line's value takes the place of the preset's, which is then nobody's business.
        InProcess.run(
                        "train",
                        "--preset",
                        "test-bad-value",
                        "--hidden",
                        "3",
                        "--data",
                        data,
                        "--engine",
                        "local",
                        "--iterations",
                        "0",
                        "--out",
                        directory.resolve("run"))
                .succeeded();
    }

    @Test
    void stackTraceOnlyWhereAskedFor() {
        Outcome plain = InProcess.run("train", "--data", directory.resolve("none"));
        plain.refused("no such directory");
        Outcome traced = InProcess.run("train", "--stacktrace", "--data", directory.resolve("none"));
        assertThat(traced.status()).isEqualTo(2);
        assertThat(traced.err()).contains("BadInputException", "\tat dev.lockstep.");
        assertThat(traced.errLines().get(traced.errLines().size() - 1))
                .isEqualTo(plain.errLines().get(0));
    }
}
