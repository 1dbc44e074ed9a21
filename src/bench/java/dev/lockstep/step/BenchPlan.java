package dev.lockstep.step;

import dev.lockstep.data.Holdout;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.NetworkShape;
import org.apache.hadoop.conf.Configuration;

/**
 * Plans of the textbook's training, as the preset {@code book} has it.
 *
 * @param train training files
 * @param test test files
 */
record BenchPlan(LabelledImages train, LabelledImages test) {
    private static final int HIDDEN = 50;
    private static final int CLASSES = 10;
    private static final long SEED = 1;

    /** Opens the files of a directory. */
    static BenchPlan open(Configuration conf, String directory) {
        return new BenchPlan(
                LabelledImages.open(conf, directory, LabelledImages.TRAIN),
                LabelledImages.open(conf, directory, LabelledImages.TEST));
    }

    StepPlan with(int shards, int batchSize) {
        return new StepPlan(
                new NetworkShape(train.pixels(), HIDDEN, CLASSES),
                Activation.SIGMOID,
                Loss.CROSS_ENTROPY,
                KernelChoice.AUTO,
                GradientMethod.BACKPROP,
                Sampling.REPLACEMENT,
                batchSize,
                SEED,
                new Holdout(train.examples(), 0, SEED),
                shards,
                train,
                test);
    }
}
