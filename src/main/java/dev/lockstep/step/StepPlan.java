package dev.lockstep.step;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Holdout;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.TwoLayerNet;
import java.io.Serializable;

/**
 * Everything that a worker needs to know to take part in a run, fixed before the first step. Immutable.
 *
 * @param shape sizes of the network
 * @param method how gradients are computed
 * @param sampling how mini-batches are drawn
 * @param batchSize examples of a mini-batch
 * @param seed of the run
 * @param holdout which examples of the training files are for validation
 * @param shards logical shards, into which training and test files are cut alike
 * @param train the training files
 * @param test the test files
 */
public record StepPlan(
        NetworkShape shape,
        Activation activation,
        Loss loss,
        GradientMethod method,
        Sampling sampling,
        int batchSize,
        long seed,
        Holdout holdout,
        int shards,
        LabelledImages train,
        LabelledImages test)
        implements Serializable {

    /** The network with this machine's kernels. */
    public TwoLayerNet net() {
        return new TwoLayerNet(shape, activation, loss, kernels());
    }

    /** This machine's kernels. */
    public Kernels kernels() {
        return Kernels.best();
    }

    /** A sampler of this run's mini-batches, for one thread. */
    public BatchSampler sampler() {
        return new BatchSampler(holdout, sampling, batchSize, seed);
    }
}
