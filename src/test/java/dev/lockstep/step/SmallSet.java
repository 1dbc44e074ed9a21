package dev.lockstep.step;

import dev.lockstep.data.Holdout;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;

/**
 * A labelled set that trains in milliseconds: random images of 6 x 5 pixels in four classes, as IDX files in a
 * directory of a test's.
 *
 * @param directory holds the four files
 */
public record SmallSet(Path directory) {
    /** Training examples: a prime, so that neither shards nor batches divide it. */
    public static final int TRAIN = 211;
    /** Test examples. */
    public static final int TEST = 53;
    /** Classes. */
    public static final int CLASSES = 4;

    private static final long SEED = 6;
    private static final int ROWS = 6;
    private static final int COLUMNS = 5;
    private static final int HIDDEN = 7;

    /** Writes the files. */
    public static SmallSet in(Path directory, Storage storage) {
        IdxWriter.random(SEED, TRAIN, ROWS, COLUMNS, CLASSES, 0.4).write(directory, LabelledImages.TRAIN, storage);
        IdxWriter.random(SEED + 1, TEST, ROWS, COLUMNS, CLASSES, 0.4).write(directory, LabelledImages.TEST, storage);
        return new SmallSet(directory);
    }

    /** A configuration that knows the local filesystem. */
    public static Configuration conf() {
        return new Configuration();
    }

    /** The settings that every command of ours starts Spark with, and those of a quiet test. */
    public static SparkConf spark(String master) {
        return new SparkConf()
                .setAppName("test")
                .setMaster(master)
                .set("spark.ui.enabled", "false")
                // Spark frees what nobody refers to when the collector comes by; a broadcast that we forget shall stay.
                .set("spark.cleaner.referenceTracking", "false")
                .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .set("spark.kryo.registrationRequired", "true")
                .set("spark.kryo.registrator", LockstepKryoRegistrator.class.getName());
    }

    /** The headers of a set's files. */
    public LabelledImages open(String stem) {
        return LabelledImages.open(conf(), directory.toString(), stem);
    }

    /** A plan of training on these files. */
    public StepPlan plan(int shards, int batchSize, Sampling sampling, int validation) {
        return plan(shards, batchSize, sampling, validation, GradientMethod.BACKPROP);
    }

    /** A plan of training on these files by certain kernels. */
    public StepPlan plan(int shards, int batchSize, Sampling sampling, int validation, KernelChoice kernel) {
        return plan(shards, batchSize, sampling, validation, GradientMethod.BACKPROP, kernel);
    }

    /** A plan of training on these files by any method. */
    public StepPlan plan(int shards, int batchSize, Sampling sampling, int validation, GradientMethod method) {
        return plan(shards, batchSize, sampling, validation, method, KernelChoice.AUTO);
    }

    private StepPlan plan(
            int shards, int batchSize, Sampling sampling, int validation, GradientMethod method, KernelChoice kernel) {
        return new StepPlan(
                new NetworkShape(ROWS * COLUMNS, HIDDEN, CLASSES),
                Activation.TANH,
                Loss.CROSS_ENTROPY,
                kernel,
                method,
                sampling,
                batchSize,
                SEED,
                new Holdout(TRAIN, validation, SEED),
                shards,
                open(LabelledImages.TRAIN),
                open(LabelledImages.TEST));
    }

    /** Initial weights of a plan; the caller closes them. */
    public static Parameters initial(StepPlan plan) {
        Parameters weights = new Parameters(plan.shape());
        Initializer.XAVIER.initialize(weights, 0, plan.seed());
        return weights;
    }

    /**
     * Trains by Nesterov's momentum.
     *
     * @param weights trained in place
     * @param beforeStep called with the number of each step, by this thread; null if steps are to follow each other at once
     * @return the bits of the losses of all steps, one after the other
     */
    public static String train(
            GradientSource source, StepPlan plan, Parameters weights, long steps, LongConsumer beforeStep) {
        StringBuilder losses = new StringBuilder();
        try (Optimizer optimizer =
                new Optimizer(UpdateRule.NESTEROV, 0.9f, 1e-3f, plan.shape(), KernelChoice.AUTO.kernels())) {
            long[] done = {0};
            while (done[0] < steps) {
                if (beforeStep != null) {
                    beforeStep.accept(done[0]);
                }
                source.steps(done[0], weights, gradient -> {
                    double loss = gradient.lossSum() / gradient.rows();
                    losses.append(Double.toHexString(loss)).append(' ');
                    source.update(optimizer, 0.2f, gradient, weights);
                    done[0]++;
                    return beforeStep == null && done[0] < steps;
                });
            }
        }
        return losses.toString();
    }
}
