package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.LearningRate.Schedule;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.LoadReport;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint belongs to, and what of it comes back. */
@ExtendWith(LeakCheck.class)
class RunCheckpointsTest {
    private static final NetworkShape SHAPE = new NetworkShape(6, 6, 4);
    private static final LoadReport DATA = new LoadReport(0x11, 0x22, 5);

    private final Witness witness = new Witness();

    @TempDir
    java.nio.file.Path directory;

    private Parameters weights;
    private Optimizer optimizer;

    @BeforeEach
    void allocate() {
        weights = new Parameters(SHAPE);
        optimizer = new Optimizer(UpdateRule.MOMENTUM, 0.9f, 0, SHAPE, KernelChoice.AUTO.kernels());
    }

    @AfterEach
    void free() {
        weights.close();
        optimizer.close();
    }

    private RunCheckpoints checkpoints(TestConfig settings, LoadReport data) {
        return new RunCheckpoints(new Configuration(), new Path(directory.toUri()), settings.build(), data);
    }

    private void assertRefused(Consumer<TestConfig> change, String... operands) throws IOException {
        TestConfig settings = new TestConfig();
        settings.rule = UpdateRule.MOMENTUM;
        checkpoints(settings, DATA).save(7, weights, optimizer, Optional.empty(), witness::warned);
        change.accept(settings);
        assertRefused(settings, DATA, operands);
    }

    private void assertRefused(TestConfig settings, LoadReport data, String... operands) {
        weights.all().fill(5f);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> checkpoints(settings, data).restore(weights, optimizer, Optional.empty(), witness))
                .satisfies(e -> assertThat(e.getMessage())
                        .contains("--resume", "step 7")
                        .contains(operands)
                        .doesNotContain("\n"));
        assertThat(weights.all().get(0)).as("weights after a refusal").isEqualTo(5f);
    }

    @Test
    void anotherConfigurationIsRefusedByItsKey() throws IOException {
        assertRefused(s -> s.hidden = 7, "config.hidden 6", "7");
        assertRefused(s -> s.seed = 4, "config.seed 3", "4");
        assertRefused(s -> s.loss = Loss.MSE, "config.loss cross-entropy", "mse");
        assertRefused(s -> s.batchSize = 99, "config.batch-size 16", "99");
        assertRefused(s -> s.sampling = Sampling.EPOCH, "config.sampling replacement", "epoch");
        assertRefused(s -> s.validationFraction = 0.25, "config.validation-fraction 0.0", "0.25");
        assertRefused(s -> s.rule = UpdateRule.NESTEROV, "config.optimizer momentum", "nesterov");
        assertRefused(s -> s.learningRate = 0.125f, "config.learning-rate 0.5", "0.125");
        assertRefused(s -> s.schedule = Schedule.STEP, "config.schedule constant", "step");
        assertRefused(s -> s.patience = 3, "has no config.evaluate-every", "unset");
    }

    @Test
    void aCosineOfAnotherLengthIsAnotherConfiguration() throws IOException {
        TestConfig settings = new TestConfig();
        settings.schedule = Schedule.COSINE;
        checkpoints(settings, DATA).save(7, weights, optimizer, Optional.empty(), witness::warned);
        settings.iterations = 100;
        assertRefused(settings, DATA, "config.iterations 24", "100");
    }

    @Test
    void otherDataAreRefused() throws IOException {
        TestConfig settings = new TestConfig();
        checkpoints(settings, DATA).save(7, weights, optimizer, Optional.empty(), witness::warned);
        assertRefused(settings, new LoadReport(0x12, 0x22, 5), "data.train-fingerprint 0000000000000011", "0012");
        assertRefused(settings, new LoadReport(0x11, 0x23, 5), "data.test-fingerprint 0000000000000022", "0023");
    }

    @Test
    void whatChangesNoBitIsNoObstacle() throws IOException {
        TestConfig settings = new TestConfig();
        checkpoints(settings, DATA).save(7, weights, optimizer, Optional.empty(), witness::warned);
        settings.iterations = 1_000;
        settings.checkpointEvery = 3;
        settings.keepCheckpoints = 9;
        settings.evaluateEvery = OptionalLong.of(5);
        LoadReport elsewhere = new LoadReport(0x11, 0x22, 999);
        assertThat(checkpoints(settings, elsewhere).restore(weights, optimizer, Optional.empty(), witness))
                .isEqualTo(7);
        assertThat(witness.warnings).isEmpty();
    }

    @Test
    void allStateComesBack() throws IOException {
        TestConfig settings = new TestConfig();
        settings.patience = 4;
        settings.validationFraction = 0.1;
        weights.all().fill(0f);
        weights.b1().set(0, 1.5f);
        optimizer.velocity().orElseThrow().b1().set(1, -2.5f);
        try (EarlyStopping early = new EarlyStopping(4, weights)) {
            early.evaluated(2, 0.1 + 0.2, weights);
            early.evaluated(4, 0.5, weights);
            weights.b1().set(0, 3.5f);
            checkpoints(settings, DATA).save(5, weights, optimizer, Optional.of(early), witness::warned);
        }
        weights.all().fill(0f);
        optimizer.velocity().orElseThrow().all().fill(0f);
        try (EarlyStopping early = new EarlyStopping(4, weights)) {
            RunCheckpoints again = checkpoints(settings, DATA);
            assertThat(again.restore(weights, optimizer, Optional.of(early), witness))
                    .isEqualTo(5);
            assertThat(early.bestLoss()).isEqualTo(0.1 + 0.2);
            assertThat(early.bestStep()).isEqualTo(2);
            assertThat(early.evaluationsSinceBest()).isEqualTo(1);
            assertThat(early.best().b1().get(0)).isEqualTo(1.5f);
            assertThat(again.newest()).isPresent();
        }
        assertThat(weights.b1().get(0)).isEqualTo(3.5f);
        assertThat(optimizer.velocity().orElseThrow().b1().get(1)).isEqualTo(-2.5f);
    }

    @Test
    void withoutAnyTheRunStartsAnewWithAWarning() throws IOException {
        assertThat(checkpoints(new TestConfig(), DATA).restore(weights, optimizer, Optional.empty(), witness))
                .isZero();
        assertThat(witness.warnings).singleElement().asString().contains("no checkpoint", "step 0");
    }

    /** Damage is found by the digest before anything is looked at, so it never reads as another configuration. */
    @Test
    void aDamagedOneFallsBackToTheOneBefore() throws IOException {
        TestConfig settings = new TestConfig();
        checkpoints(settings, DATA).save(3, weights, optimizer, Optional.empty(), witness::warned);
        checkpoints(settings, DATA).save(6, weights, optimizer, Optional.empty(), witness::warned);
        java.nio.file.Path newest = directory.resolve("step-000000000006.safetensors");
        Files.writeString(
                newest,
                Files.readString(newest, java.nio.charset.StandardCharsets.ISO_8859_1)
                        .replace("replacement", "replacemend"),
                java.nio.charset.StandardCharsets.ISO_8859_1);
        assertThat(checkpoints(settings, DATA).restore(weights, optimizer, Optional.empty(), witness))
                .isEqualTo(3);
        assertThat(witness.warnings).singleElement().asString().contains(newest.toString(), "SHA-256");
    }

    /** Every setting that changes weights is in the identity; one that is forgotten would resume with other bits. */
    @Test
    void theIdentityHoldsEveryKeyThatChangesWeights() {
        TestConfig settings = new TestConfig();
        Map<String, String> plain = new TreeMap<>(settings.build().asMap());
        assertThat(plain.keySet())
                .containsExactlyInAnyOrder(
                        "hidden",
                        "classes",
                        "activation",
                        "loss",
                        "init",
                        "init-std",
                        "seed",
                        "batch-size",
                        "sampling",
                        "shards",
                        "validation-fraction",
                        "gradient",
                        "optimizer",
                        "learning-rate",
                        "momentum",
                        "weight-decay",
                        "schedule",
                        "warmup-steps",
                        "decay-every",
                        "decay-factor");
        settings.schedule = Schedule.COSINE;
        settings.patience = 1;
        assertThat(settings.build().asMap().keySet()).contains("iterations", "epochs", "patience", "evaluate-every");
    }
}
