package dev.lockstep.step;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Holdout;
import dev.lockstep.data.LabelledRows;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.TwoLayerNet;
import java.io.Serializable;

/**
 * Everything that a worker needs to know to take part in a run, fixed before the first step. Immutable.
 *
 * @param shape sizes of the network
 * @param kernel what each process is to compute with; the bits do not depend on it
 * @param method how gradients are computed
 * @param sampling how mini-batches are drawn
 * @param batchSize examples of a mini-batch
 * @param seed of the run
 * @param holdout which of the training examples are for validation
 * @param shards logical shards, into which training and test examples are cut alike
 * @param train the training examples, validation included
 * @param test the test examples; there may be none
 */
public record StepPlan(
        NetworkShape shape,
        Activation activation,
        Loss loss,
        KernelChoice kernel,
        GradientMethod method,
        Sampling sampling,
        int batchSize,
        long seed,
        Holdout holdout,
        int shards,
        LabelledRows train,
        LabelledRows test)
        implements Serializable {

    /** The network with this process's kernels; see {@link #kernels}. */
    public TwoLayerNet net() {
        return new TwoLayerNet(shape, activation, loss, kernels());
    }

    /**
     * The kernels that this process computes with.
     *
     * @throws dev.lockstep.BadInputException if the plan wants some that it cannot run
     */
    public Kernels kernels() {
        return kernel.kernels();
    }

    /** A sampler of this run's mini-batches, for one thread. */
    public BatchSampler sampler() {
        return new BatchSampler(holdout, sampling, batchSize, seed);
    }
}
