package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.LocalGradientSource;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Training follows an oracle that shares nothing with it: golden losses and weights that NumPy computed in float64, see
 * the README beside them.
 */
@ExtendWith(LeakCheck.class)
class OracleTest {
    private static final int STEPS = 200;
    /** Relative, of every loss; rounding to float32 makes some 1e-7 of it. */
    private static final double LOSS_TOLERANCE = 1e-4;
    /** Of every weight after all steps. Training moves the weights by thousands of times as much. */
    private static final float WEIGHT_TOLERANCE = 2e-6f;

    private final Configuration conf = new Configuration();

    @TempDir
    Path directory;

    private static Path file(String name) {
        try {
            return Path.of(OracleTest.class.getResource("/oracle/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static TrainingConfig config(Loss loss) {
        return new TrainingConfig(
                file("README.md").getParent().toString(),
                7,
                new TrainingConfig.Network(20, 10, Activation.SIGMOID, loss, Initializer.NORMAL, 0.1),
                new TrainingConfig.Batches(32, Sampling.REPLACEMENT, 8, 0, GradientMethod.BACKPROP),
                new TrainingConfig.Updates(
                        UpdateRule.SGD, 0.1f, 0.9f, 0f, LearningRate.Schedule.CONSTANT, 0, 1_000, 0.5f),
                new TrainingConfig.Length(STEPS, OptionalLong.empty(), 0),
                new TrainingConfig.Watching(OptionalLong.empty(), 1, 0, 1, false));
    }

    private StepPlan plan(TrainingConfig config) {
        return config.plan(
                LabelledImages.open(conf, config.data(), LabelledImages.TRAIN),
                LabelledImages.open(conf, config.data(), LabelledImages.TEST),
                KernelChoice.AUTO);
    }

    @Test
    void miniBatchesAreThoseOfTheOracle() throws IOException {
        Path trace = directory.resolve("batches.txt");
        BatchTrace.write(conf, trace.toString(), plan(config(Loss.CROSS_ENTROPY)), STEPS);
        assertThat(Files.readAllLines(trace)).hasSize(STEPS).isEqualTo(Files.readAllLines(file("batches.txt")));
    }

    @Test
    void initialWeightsAreThoseOfTheOracle() throws IOException {
        TrainingConfig config = config(Loss.CROSS_ENTROPY);
        StepPlan plan = plan(config);
        try (Parameters drawn = new Parameters(plan.shape());
                Parameters read = new Parameters(plan.shape())) {
            config.network().init().initialize(drawn, config.network().initStd(), config.seed());
            ModelFile.readInto(conf, file("initial.npz").toString(), read);
            assertThat(drawn.sha256()).isEqualTo(read.sha256());
        }
    }

    @ParameterizedTest
    @EnumSource(Loss.class)
    void lossesAndWeightsFollowTheOracle(Loss loss) throws IOException {
        TrainingConfig config = config(loss);
        StepPlan plan = plan(config);
        String name = TrainingConfig.text(loss);
        Witness witness = new Witness();
        try (GradientSource source = new LocalGradientSource(conf, plan);
                Parameters weights = new Parameters(plan.shape());
                Trainer trainer = new Trainer(config, plan, source, weights, Optional.empty())) {
            ModelFile.readInto(conf, file("initial.npz").toString(), weights);
            trainer.train(0, witness);
            assertLosses(Files.readAllLines(file(name + ".losses.txt")), witness);
            assertWeights(plan, name, weights);
        }
    }

    private static void assertLosses(List<String> golden, Witness witness) {
        assertThat(golden).hasSize(STEPS);
        assertThat(witness.steps).hasSize(STEPS);
        for (int i = 0; i < STEPS; i++) {
            double expected = Double.parseDouble(golden.get(i));
            assertThat(witness.steps.get(i).loss())
                    .as("loss of step %d", i)
                    .isCloseTo(expected, within(LOSS_TOLERANCE * expected));
        }
    }

    private void assertWeights(StepPlan plan, String name, Parameters weights) throws IOException {
        try (Parameters expected = new Parameters(plan.shape());
                Parameters initial = new Parameters(plan.shape())) {
            ModelFile.readInto(conf, file(name + ".weights.npz").toString(), expected);
            ModelFile.readInto(conf, file("initial.npz").toString(), initial);
            for (ParameterTensor tensor : ParameterTensor.values()) {
                // Plain comparisons: a fluent assertion for each of 32,000 weights would take seconds.
                float moved = 0;
                float apart = 0;
                for (int i = 0; i < weights.length(tensor); i++) {
                    float golden = expected.get(tensor, i);
                    moved = Math.max(moved, Math.abs(golden - initial.get(tensor, i)));
                    apart = Math.max(apart, Math.abs(golden - weights.get(tensor, i)));
                }
                assertThat(apart)
                        .as("largest difference of %s to the oracle", tensor)
                        .isLessThan(WEIGHT_TOLERANCE);
                assertThat(moved)
                        .as("largest change of %s by training", tensor)
                        .isGreaterThan(1_000 * WEIGHT_TOLERANCE);
            }
        }
    }
}
