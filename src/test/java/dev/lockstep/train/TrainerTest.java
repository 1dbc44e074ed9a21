package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.ScriptedSource;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The loop, with gradients and scores that the test makes up. */
@ExtendWith(LeakCheck.class)
class TrainerTest {
    private static final ScriptedSource.Scores MEDIOCRE = (split, weights) -> ScriptedSource.score(500, 1);

    private final Configuration conf = new Configuration();
    private final Witness witness = new Witness();
    private final TestConfig settings = new TestConfig();

    @TempDir
    java.nio.file.Path directory;

    /** Weight W1[0, 0] falls by learning rate x 1 a step, so that weights tell of which step they are. */
    private static double unit(long step, Parameters weights, Parameters gradient) {
        gradient.set(ParameterTensor.W1, 0, 1f);
        return 2;
    }

    private static float firstWeight(Parameters weights) {
        return weights.get(ParameterTensor.W1, 0);
    }

    private interface Check {
        void on(TrainingResult result, Parameters weights) throws IOException;
    }

    private void train(ScriptedSource.Gradients gradients, ScriptedSource.Scores scores, Check check)
            throws IOException {
        TrainingConfig config = settings.build();
        StepPlan plan = TestConfig.unreadPlan(config);
        try (GradientSource source = new ScriptedSource(plan.shape(), gradients, scores);
                Parameters weights = new Parameters(plan.shape());
                Trainer trainer = new Trainer(config, plan, source, weights, checkpoints(config, source))) {
            check.on(trainer.train(0, witness), weights);
        }
    }

    private Optional<RunCheckpoints> checkpoints(TrainingConfig config, GradientSource source) {
        return Optional.of(new RunCheckpoints(conf, new Path(directory.toUri()), config, source.data()));
    }

    private DivergedException diverge(ScriptedSource.Gradients gradients) {
        return catchThrowableOfType(
                DivergedException.class,
                () -> train(gradients, MEDIOCRE, (result, weights) -> {
                    throw new AssertionError("training ended with " + result);
                }));
    }

    private List<String> savedCheckpoints() throws IOException {
        try (Stream<java.nio.file.Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void aLossThatIsNoNumberStopsTheRun(double loss) throws IOException {
        settings.checkpointEvery = 5;
        DivergedException thrown = diverge((step, weights, gradient) -> {
            unit(step, weights, gradient);
            return step == 13 ? loss : 1;
        });
        assertThat(thrown)
                .hasMessageContaining("the loss is " + loss)
                .hasMessageContaining("step 14")
                .hasMessageContaining("learning rate 0.5")
                .hasMessageContaining("step-000000000010.safetensors")
                .hasMessageContaining("try a smaller --learning-rate");
        assertThat(witness.steps).as("steps whose update was done").hasSize(13);
        assertThat(savedCheckpoints())
                .containsExactly("step-000000000005.safetensors", "step-000000000010.safetensors");
    }

    @Test
    void withoutCheckpointsTheMessageSaysHowToGetThem() {
        DivergedException thrown = diverge((step, weights, gradient) -> Double.NaN);
        assertThat(thrown).hasMessageContaining("step 1 ").hasMessageContaining("none (see --checkpoint-every)");
    }

    /** The loss of step 9 is still finite when its update overflows: the weights must not be saved. */
    @ParameterizedTest
    @ValueSource(floats = {Float.MAX_VALUE, Float.NaN, Float.NEGATIVE_INFINITY})
    void weightsThatOverflowAreNeverSaved(float value) throws IOException {
        settings.learningRate = 4;
        settings.checkpointEvery = 5;
        DivergedException thrown = diverge((step, weights, gradient) -> {
            gradient.set(ParameterTensor.B2, 1, step == 9 ? value : 0);
            return 1;
        });
        assertThat(thrown)
                .hasMessageContaining("a weight is")
                .hasMessageContaining("step 10")
                .hasMessageContaining("step-000000000005.safetensors");
        assertThat(savedCheckpoints()).containsExactly("step-000000000005.safetensors");
    }

    @Test
    void weightsThatOverflowAtTheVeryEndAreNoResult() {
        settings.learningRate = 4;
        DivergedException thrown = diverge((step, weights, gradient) -> {
            gradient.set(ParameterTensor.W2, 0, step == 23 ? -Float.MAX_VALUE : 0);
            return 1;
        });
        assertThat(thrown).hasMessageContaining("a weight is Infinity").hasMessageContaining("step 24");
        assertThat(witness.evaluatedSteps())
                .as("never of the weights that overflowed")
                .containsExactly(7L, 14L, 21L);
    }

    /** Whoever ends steps for the training thread is not to wait for a file. */
    @Test
    void whereALineIsDueTheTrainingThreadTellsTheListener() {
        settings.iterations = 250;
        settings.logEvery = 9;
        TrainingConfig config = settings.build();
        StepPlan plan = TestConfig.unreadPlan(config);
        List<Long> own = new ArrayList<>();
        List<Long> all = new ArrayList<>();
        Thread trainingThread = Thread.currentThread();
        TrainingListener listener = new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
                all.add(report.step());
                if (Thread.currentThread() == trainingThread) {
                    own.add(report.step());
                }
            }
        };
        try (ScriptedSource source = new ScriptedSource(plan.shape(), TrainerTest::unit, MEDIOCRE);
                Parameters weights = new Parameters(plan.shape());
                Trainer trainer = new Trainer(config, plan, source, weights, checkpoints(config, source))) {
            source.stepElsewhere();
            assertThatCode(() -> trainer.train(0, listener)).doesNotThrowAnyException();
        }
        assertThat(all).isEqualTo(LongStream.rangeClosed(1, 250).boxed().toList());
        assertThat(own)
                .hasSizeLessThan(all.size())
                .containsAll(all.stream()
                        .filter(step -> step % settings.logEvery == 0)
                        .toList());
    }

    @Test
    void stepsAreReportedWithLossAndRate() throws IOException {
        settings.iterations = 5;
        settings.schedule = LearningRate.Schedule.COSINE;
        train((step, weights, gradient) -> 10 + step, MEDIOCRE, (result, weights) -> {
            assertThat(result.steps()).isEqualTo(5);
            assertThat(result.finalLoss()).isEqualTo(14);
            assertThat(result.times().steps()).isEqualTo(5);
        });
        LearningRate rate = settings.build().learningRate(TestConfig.unreadPlan(settings.build()));
        for (int i = 0; i < 5; i++) {
            TrainingListener.StepReport step = witness.steps.get(i);
            assertThat(step.nanos()).isPositive();
            assertThat(step).isEqualTo(new TrainingListener.StepReport(i + 1, 10 + i, rate.at(i), step.nanos()));
        }
        assertThat(witness.steps).hasSize(5);
    }

    @Test
    void noStepsLeaveTheInitialWeights() throws IOException {
        settings.iterations = 0;
        train(TrainerTest::unit, MEDIOCRE, (result, weights) -> {
            assertThat(result.steps()).isZero();
            assertThat(result.finalLoss()).isNaN();
            assertThat(firstWeight(weights)).isZero();
            assertThat(result.evaluation().step()).isZero();
        });
        assertThat(witness.evaluatedSteps()).containsExactly(0L);
    }

    @ParameterizedTest
    @CsvSource({"35, 10, 10 20 30 35", "30, 10, 10 20 30", "9, 10, 9", "3, 1, 1 2 3"})
    void evaluationsComeAtTheirCadenceAndOnceAtTheEnd(long iterations, long every, String expected) throws IOException {
        settings.iterations = iterations;
        settings.evaluateEvery = OptionalLong.of(every);
        train(
                TrainerTest::unit,
                MEDIOCRE,
                (result, weights) -> assertThat(result.evaluation().step()).isEqualTo(iterations));
        assertThat(witness.evaluatedSteps())
                .isEqualTo(Stream.of(expected.split(" ")).map(Long::valueOf).toList());
    }

    @Test
    void withoutACadenceItIsOnceAnEpoch() throws IOException {
        settings.epochs = OptionalLong.of(3); // of 100 examples in batches of 16: 7 steps
        train(
                TrainerTest::unit,
                MEDIOCRE,
                (result, weights) -> assertThat(result.steps()).isEqualTo(21));
        assertThat(witness.evaluatedSteps()).containsExactly(7L, 14L, 21L);
        assertThat(witness.evaluations).extracting(Evaluation::epoch).containsExactly(1.0, 2.0, 3.0);
        assertThat(witness.evaluations)
                .allMatch(evaluation -> evaluation.validation().isEmpty());
    }

    /** Scores that follow a list of validation losses, one for each evaluation. */
    private static ScriptedSource.Scores validationLosses(double... losses) {
        int[] next = {0};
        return (split, weights) -> ScriptedSource.score(
                500, split == Split.VALIDATION ? losses[Math.min(next[0]++, losses.length - 1)] : 9);
    }

    private void stopEarly() {
        settings.learningRate = 1;
        settings.validationFraction = 0.2;
        settings.evaluateEvery = OptionalLong.of(2);
        settings.iterations = 40;
    }

    @Test
    void earlyStoppingKeepsTheBestWeights() throws IOException {
        stopEarly();
        settings.patience = 2;
        // At steps 2, 4, 6 it falls; 8 is no better, 10 improves again; 12 and 14 are worse.
        train(TrainerTest::unit, validationLosses(5, 4, 3, 3, 2, 2.5, 2.1, 1, 1), (result, weights) -> {
            assertThat(result.steps()).isEqualTo(14);
            assertThat(result.evaluation().step()).isEqualTo(10);
            assertThat(firstWeight(weights)).as("weights of step 10").isCloseTo(weightAfter(10), within(1e-5f));
        });
        assertThat(witness.evaluatedSteps()).containsExactly(2L, 4L, 6L, 8L, 10L, 12L, 14L);
        assertThat(witness.warnings).anyMatch(warning -> warning.contains("weights of step 10"));
    }

    @Test
    void moreLossesThanPatienceInAllButNotInARowDoNotStop() throws IOException {
        stopEarly();
        settings.patience = 2;
        settings.iterations = 12;
        train(TrainerTest::unit, validationLosses(5, 6, 4, 6, 3, 6), (result, weights) -> {
            assertThat(result.steps()).isEqualTo(12);
            assertThat(result.evaluation().step()).isEqualTo(10);
            assertThat(firstWeight(weights)).isCloseTo(weightAfter(10), within(1e-5f));
        });
    }

    @Test
    void aBestAtTheEndStays() throws IOException {
        stopEarly();
        settings.patience = 1;
        settings.iterations = 6;
        train(TrainerTest::unit, validationLosses(3, 2, 1), (result, weights) -> {
            assertThat(result.evaluation().step()).isEqualTo(6);
            assertThat(firstWeight(weights)).isCloseTo(weightAfter(6), within(1e-5f));
        });
        assertThat(witness.warnings).isEmpty();
    }

    /** Of a run with rate 1 after a warm-up of three steps, and a weight decay of 1e-4. */
    private static float weightAfter(int steps) {
        double weight = 0;
        for (int step = 0; step < steps; step++) {
            weight -= Math.min(1, (step + 1) / 3.0) * (1 + 1e-4 * weight);
        }
        return (float) weight;
    }

    @Test
    void aGapThatGrowsIsNamed() throws IOException {
        settings.iterations = 5;
        settings.evaluateEvery = OptionalLong.of(1);
        int[] trainCorrect = {510, 540, 545, 575, 570};
        int[] next = {0};
        train(
                TrainerTest::unit,
                (split, weights) -> split == Split.TRAIN
                        ? ScriptedSource.score(trainCorrect[next[0]++], 1)
                        : ScriptedSource.score(500, next[0] < 4 ? 1 : 2),
                (result, weights) -> assertThat(result.evaluation().gap()).isCloseTo(0.07, within(1e-12)));
        assertThat(witness.warnings).hasSize(2);
        assertThat(witness.warnings.get(0)).contains("step 2", "4.0 points").doesNotContain("over-fitting");
        assertThat(witness.warnings.get(1)).contains("step 4", "7.5 points", "over-fitting");
    }
}
