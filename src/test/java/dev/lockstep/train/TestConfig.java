package dev.lockstep.train;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.optim.LearningRate.Schedule;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.SmallSet;
import dev.lockstep.step.StepPlan;
import java.util.OptionalLong;

/** Configurations for tests: what is not set is small and plain. */
final class TestConfig {
    long seed = 3;
    int hidden = 6;
    Loss loss = Loss.CROSS_ENTROPY;
    int batchSize = 16;
    Sampling sampling = Sampling.REPLACEMENT;
    double validationFraction;
    UpdateRule rule = UpdateRule.SGD;
    float learningRate = 0.5f;
    Schedule schedule = Schedule.CONSTANT;
    long iterations = 24;
    OptionalLong epochs = OptionalLong.empty();
    int patience;
    OptionalLong evaluateEvery = OptionalLong.empty();
    long logEvery = 1;
    long checkpointEvery;
    int keepCheckpoints = 3;
    boolean checkpointRequired;

    TrainingConfig build() {
        return new TrainingConfig(
                "data",
                seed,
                new TrainingConfig.Network(hidden, SmallSet.CLASSES, Activation.SIGMOID, loss, Initializer.XAVIER, 0),
                new TrainingConfig.Batches(batchSize, sampling, 4, validationFraction, GradientMethod.BACKPROP),
                new TrainingConfig.Updates(rule, learningRate, 0.9f, 1e-4f, schedule, 3, 10, 0.5f),
                new TrainingConfig.Length(iterations, epochs, patience),
                new TrainingConfig.Watching(
                        evaluateEvery, logEvery, checkpointEvery, keepCheckpoints, checkpointRequired));
    }

    /** A plan on 100 training and 10 test images of 2 x 3 pixels that nobody will ever read. */
    static StepPlan unreadPlan(TrainingConfig config) {
        return config.plan(unread(100), unread(10), KernelChoice.AUTO);
    }

    private static LabelledImages unread(int examples) {
        return new LabelledImages("file:/images", false, "file:/labels", false, examples, 2, 3);
    }
}
