package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.Await;
import dev.lockstep.step.ExchangeSettings;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.LocalGradientSource;
import dev.lockstep.step.LockstepGradientSource;
import dev.lockstep.step.SmallSet;
import dev.lockstep.step.StepPlan;
import dev.lockstep.step.WorkersMissingException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run that somebody stops keeps its state, and goes on from there with the bits of a run that nobody stopped. */
@Timeout(60)
class StoppedRunTest {
    private static final long STOP_AFTER = 25;
    private static final long STEPS = 60;

    @TempDir
    private Path directory;

    @Test
    void aStopThatIsAskedForSavesTheStep() throws Exception {
        TrainingConfig config = config();
        StepPlan plan = plan(config);
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = initial(config, plan);
                Trainer trainer = trainer(config, plan, source, weights)) {
            assertThatThrownBy(() -> trainer.train(0, at(STOP_AFTER, trainer::requestStop)))
                    .isInstanceOf(TrainingStoppedException.class)
                    .hasMessageContaining("stopped after step " + STOP_AFTER)
                    .hasMessageContaining("step-000000000025.safetensors");
        }
        assertThat(resumed(config, plan)).isEqualTo(undisturbed(config, plan));
    }

    @Test
    void aJobThatIsCancelledSavesTheStepsDone() throws Exception {
        TrainingConfig config = config();
        StepPlan plan = plan(config);
        try (JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[2]"))) {
            try (GradientSource source = new LockstepGradientSource(spark, plan, 2, 0);
                    Parameters weights = initial(config, plan);
                    Trainer trainer = trainer(config, plan, source, weights)) {
                assertThatThrownBy(() -> trainer.train(0, at(STOP_AFTER, () -> cancelAndWait(spark))))
                        .isInstanceOf(TrainingStoppedException.class)
                        .extracting(e -> ((TrainingStoppedException) e).step())
                        .isEqualTo(STOP_AFTER);
            }
        }
        assertThat(resumed(config, plan)).isEqualTo(undisturbed(config, plan));
    }

    /** Spark's only slot is taken by another job, so that no worker comes. */
    @Test
    void aRunThatHasNoWorkerForTooLongSavesItsState() throws Exception {
        TrainingConfig config = config();
        StepPlan plan = plan(config);
        WorkersMissingException missing;
        try (JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[1]"))) {
            JavaFutureAction<Void> other = spark.parallelize(List.of(1), 1).foreachAsync(i -> untilItIsKilled());
            missing = catchThrowableOfType(
                    WorkersMissingException.class,
                    () -> new LockstepGradientSource(
                            spark, plan, 1, new ExchangeSettings(0, 0, 1, 10), false, Optional.empty()));
            other.cancel(true);
        }
        assertThat(missing)
                .hasMessage("no worker for 1 s (--worker-timeout): report round 0 wants shards 0 to 3, and no executor"
                        + " of Spark's has reached the driver yet");
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = initial(config, plan);
                Trainer trainer = trainer(config, plan, source, weights)) {
            assertThatThrownBy(() -> trainer.train(0, at(STOP_AFTER, () -> {
                        throw missing;
                    })))
                    .isInstanceOf(TrainingStoppedException.class)
                    .hasMessageStartingWith(
                            missing.getMessage() + "; stopped after step " + STOP_AFTER + "; checkpoint: ")
                    .matches(e -> !((TrainingStoppedException) e).isRequested());
        }
        assertThat(resumed(config, plan)).isEqualTo(undisturbed(config, plan));
    }

    /** Cancelling is asynchronous; the stage is gone when Spark has no job under way. */
    private static void cancelAndWait(JavaSparkContext spark) {
        spark.sc().cancelAllJobs();
        Await.until(() -> "Spark is still at work", () -> spark.statusTracker().getActiveJobIds().length == 0);
    }

    /** What a task of somebody else's does. */
    private static void untilItIsKilled() {
        while (!TaskContext.get().isInterrupted()) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static TrainingListener at(long step, Runnable action) {
        return new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
                if (report.step() == step) {
                    action.run();
                }
            }
        };
    }

    private String resumed(TrainingConfig config, StepPlan plan) throws Exception {
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = initial(config, plan);
                Trainer trainer = trainer(config, plan, source, weights)) {
            TrainingListener silent = new TrainingListener() {};
            long first = trainer.resume(silent);
            assertThat(first).isEqualTo(STOP_AFTER);
            trainer.train(first, silent);
            return weights.sha256();
        }
    }

    private String undisturbed(TrainingConfig config, StepPlan plan) throws Exception {
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = initial(config, plan);
                Trainer trainer = new Trainer(config, plan, source, weights, Optional.empty())) {
            trainer.train(0, new TrainingListener() {});
            return weights.sha256();
        }
    }

    private Trainer trainer(TrainingConfig config, StepPlan plan, GradientSource source, Parameters weights) {
        RunCheckpoints checkpoints = new RunCheckpoints(
                SmallSet.conf(),
                new org.apache.hadoop.fs.Path(directory.resolve("checkpoints").toString()),
                config,
                source.data());
        return new Trainer(config, plan, source, weights, Optional.of(checkpoints));
    }

    private static Parameters initial(TrainingConfig config, StepPlan plan) {
        Parameters weights = new Parameters(plan.shape());
        config.network().init().initialize(weights, config.network().initStd(), config.seed());
        return weights;
    }

    private static StepPlan plan(TrainingConfig config) {
        return config.plan(
                LabelledImages.open(SmallSet.conf(), config.data(), LabelledImages.TRAIN),
                LabelledImages.open(SmallSet.conf(), config.data(), LabelledImages.TEST),
                KernelChoice.AUTO);
    }

    private TrainingConfig config() {
        SmallSet set = SmallSet.in(directory, Storage.PLAIN);
        return new TrainingConfig(
                set.directory().toString(),
                11,
                new TrainingConfig.Network(
                        9, SmallSet.CLASSES, Activation.SIGMOID, Loss.CROSS_ENTROPY, Initializer.NORMAL, 0.1),
                new TrainingConfig.Batches(16, Sampling.EPOCH, 4, 0, GradientMethod.BACKPROP),
                new TrainingConfig.Updates(
                        UpdateRule.MOMENTUM, 0.05f, 0.9f, 0, LearningRate.Schedule.CONSTANT, 0, 1, 1),
                new TrainingConfig.Length(STEPS, OptionalLong.empty(), 0),
                new TrainingConfig.Watching(OptionalLong.of(1000), 10, 0, 3, false));
    }
}
