package dev.lockstep.train;

import dev.lockstep.BadInputException;
import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Holdout;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.LabelledRows;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Shard;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.LoadReport;
import dev.lockstep.step.StepPlan;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What a training run does. The same configuration on the same data gives the same bits.
 *
 * @param data directory with the four files
 * @param seed of initial weights, mini-batches and hold-out
 */
public record TrainingConfig(
        String data, long seed, Network network, Batches batches, Updates updates, Length length, Watching watching)
        implements Serializable {
    /** For a number that is not set, where a configuration travels: an {@link OptionalLong} cannot. */
    private static final long UNSET = -1;

    /**
     * The network and its initial weights.
     *
     * @param classes number of classes; labels are below it
     * @param initStd standard deviation for {@link Initializer#NORMAL}
     */
    public record Network(int hidden, int classes, Activation activation, Loss loss, Initializer init, double initStd)
            implements Serializable {}

    /**
     * Which examples each step sees and how its gradient is computed.
     *
     * @param shards logical shards; part of the result's definition, unlike the number of tasks
     * @param validationFraction share of the training examples that is held out
     */
    public record Batches(
            int batchSize, Sampling sampling, int shards, double validationFraction, GradientMethod gradient)
            implements Serializable {}

    /** How gradients change the weights; see {@link dev.lockstep.optim.Optimizer} and {@link LearningRate}. */
    public record Updates(
            UpdateRule optimizer,
            float learningRate,
            float momentum,
            float weightDecay,
            LearningRate.Schedule schedule,
            long warmupSteps,
            long decayEvery,
            float decayFactor)
            implements Serializable {}

    /**
     * When training ends.
     *
     * @param iterations steps, unless epochs are given
     * @param epochs passes over the training examples
     * @param patience evaluations without a better validation loss after which training stops; 0 for never
     * @param stopAfter steps after which training ends although the run has more: its learning rates are those of the whole
     *     run, and its state is saved, so that another can go on from there
     */
    public record Length(long iterations, OptionalLong epochs, int patience, OptionalLong stopAfter)
            implements Serializable {
        /** To the end of the run. */
        public Length(long iterations, OptionalLong epochs, int patience) {
            this(iterations, epochs, patience, OptionalLong.empty());
        }

        private record Form(long iterations, long epochs, int patience, long stopAfter) implements Serializable {
            private Object readResolve() {
                return new Length(iterations, set(epochs), patience, set(stopAfter));
            }
        }

        private Object writeReplace() {
            return new Form(iterations, epochs.orElse(UNSET), patience, stopAfter.orElse(UNSET));
        }
    }

    /**
     * What is seen of a run; none of it changes the result, but early stopping looks when it is evaluated.
     *
     * @param evaluateEvery steps between evaluations; empty for once an epoch
     * @param logEvery steps between lines of metrics
     * @param checkpointEvery steps between checkpoints; 0 for none
     * @param keepCheckpoints newest checkpoints that are kept
     * @param checkpointRequired whether a checkpoint that cannot be written ends the run
     */
    public record Watching(
            OptionalLong evaluateEvery,
            long logEvery,
            long checkpointEvery,
            int keepCheckpoints,
            boolean checkpointRequired)
            implements Serializable {
        private record Form(
                long evaluateEvery, long logEvery, long checkpointEvery, int keepCheckpoints, boolean isRequired)
                implements Serializable {
            private Object readResolve() {
                return new Watching(set(evaluateEvery), logEvery, checkpointEvery, keepCheckpoints, isRequired);
            }
        }

        private Object writeReplace() {
            return new Form(
                    evaluateEvery.orElse(UNSET), logEvery, checkpointEvery, keepCheckpoints, checkpointRequired);
        }
    }

    private static OptionalLong set(long number) {
        return number == UNSET ? OptionalLong.empty() : OptionalLong.of(number);
    }

    /**
     * The plan of every step on these files.
     *
     * @param kernel what processes are to compute with, which is not part of the configuration since it changes no bit
     */
    public StepPlan plan(LabelledImages train, LabelledImages test, KernelChoice kernel) {
        if (train.rows() != test.rows() || train.columns() != test.columns()) {
            throw new BadInputException(
                    test.imagesUri() + ": expected images of " + train.rows() + " x " + train.columns() + " as in "
                            + train.imagesUri() + ", found " + test.rows() + " x " + test.columns());
        }
        return plan((LabelledRows) train, test, kernel);
    }

    /**
     * The plan of every step on any examples.
     *
     * @param test of the same width as {@code train}; there may be none
     * @param kernel what processes are to compute with
     */
    public StepPlan plan(LabelledRows train, LabelledRows test, KernelChoice kernel) {
        int validation = (int) Math.ceil(batches.validationFraction * train.examples());
        if (validation >= train.examples()) {
            throw new BadInputException("--validation-fraction " + batches.validationFraction + " of "
                    + train.examples() + " examples leaves none to train with");
        }
        return new StepPlan(
                new NetworkShape(train.inputs(), network.hidden, network.classes),
                network.activation,
                network.loss,
                kernel,
                batches.gradient,
                batches.sampling,
                batches.batchSize,
                seed,
                new Holdout(train.examples(), validation, seed),
                batches.shards,
                train,
                test);
    }

    /** Steps of the whole run. */
    public long totalSteps(StepPlan plan) {
        return length.epochs.isPresent()
                ? Math.multiplyExact(length.epochs.getAsLong(), stepsPerEpoch(plan))
                : length.iterations;
    }

    /** Steps after which training ends: those of the whole run, unless it is to stop before. */
    public long lastStep(StepPlan plan) {
        return Math.min(totalSteps(plan), length.stopAfter.orElse(Long.MAX_VALUE));
    }

    /** The same training, which ends after so many steps. */
    public TrainingConfig stopAfter(long step) {
        Length shorter = new Length(length.iterations, length.epochs, length.patience, OptionalLong.of(step));
        return new TrainingConfig(data, seed, network, batches, updates, shorter, watching);
    }

    /** Steps in which as many examples are drawn as there are to train with. */
    public long stepsPerEpoch(StepPlan plan) {
        return BatchSampler.stepsPerEpoch(plan.holdout(), batches.batchSize);
    }

    /** The learning rate of each step. */
    public LearningRate learningRate(StepPlan plan) {
        return new LearningRate(
                updates.learningRate,
                updates.schedule,
                updates.warmupSteps,
                updates.decayEvery,
                updates.decayFactor,
                totalSteps(plan));
    }

    /** By the names of the command line, all that determines the weights after a given step (but for the data and where it lies). */
    public Map<String, String> asMap() {
        Map<String, String> map = new LinkedHashMap<>();
        map.put("hidden", Integer.toString(network.hidden));
        map.put("classes", Integer.toString(network.classes));
        map.put("activation", text(network.activation));
        map.put("loss", text(network.loss));
        map.put("init", text(network.init));
        map.put("init-std", Double.toString(network.initStd));
        map.put("seed", Long.toString(seed));
        map.put("batch-size", Integer.toString(batches.batchSize));
        map.put("sampling", text(batches.sampling));
        map.put("shards", Integer.toString(batches.shards));
        map.put("validation-fraction", Double.toString(batches.validationFraction));
        map.put("gradient", text(batches.gradient));
        map.put("optimizer", text(updates.optimizer));
        map.put("learning-rate", Float.toString(updates.learningRate));
        map.put("momentum", Float.toString(updates.momentum));
        map.put("weight-decay", Float.toString(updates.weightDecay));
        map.put("schedule", text(updates.schedule));
        map.put("warmup-steps", Long.toString(updates.warmupSteps));
        map.put("decay-every", Long.toString(updates.decayEvery));
        map.put("decay-factor", Float.toString(updates.decayFactor));
        if (updates.schedule == LearningRate.Schedule.COSINE) {
            map.put("iterations", Long.toString(length.iterations));
            map.put("epochs", text(length.epochs));
        }
        if (length.patience > 0) {
            map.put("patience", Integer.toString(length.patience));
            map.put("evaluate-every", text(watching.evaluateEvery));
        }
        return map;
    }

    /**
     * Where a model comes from: all that its bits depend on, so that the same training gives the same texts.
     *
     * @param data what was trained with
     * @param step steps that the model's weights have seen
     * @return a map of the caller's
     */
    public Map<String, String> provenance(LoadReport data, long step) {
        Map<String, String> texts = new TreeMap<>();
        texts.put("step", Long.toString(step));
        asMap().forEach((key, value) -> texts.put("config." + key, value));
        texts.put("config.iterations", Long.toString(length.iterations));
        length.epochs.ifPresent(epochs -> texts.put("config.epochs", Long.toString(epochs)));
        texts.put("data", this.data);
        texts.put("data.train-fingerprint", Shard.fingerprintText(data.trainFingerprint()));
        texts.put("data.test-fingerprint", Shard.fingerprintText(data.testFingerprint()));
        texts.put("java-version", System.getProperty("java.version"));
        texts.put("spark-version", org.apache.spark.package$.MODULE$.SPARK_VERSION());
        return texts;
    }

    private static String text(OptionalLong number) {
        return number.isPresent() ? Long.toString(number.getAsLong()) : "unset";
    }

    /** A constant's name as it stands on the command line: CROSS_ENTROPY is cross-entropy. */
    public static String text(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
