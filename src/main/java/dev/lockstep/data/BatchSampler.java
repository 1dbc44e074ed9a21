package dev.lockstep.data;

import dev.lockstep.kernel.CounterRandom;

/**
 * Draws mini-batches: the examples of step t are a pure function of (seed, t, holdout, batch size), so every worker
 * computes them for itself and a run that resumes goes on with the same ones. The last batch of an epoch has what is
 * left. One thread at a time.
 */
public final class BatchSampler {
    private static final long DRAWS = 3;
    private static final long EPOCHS = 4;

    private final Holdout holdout;
    private final Sampling sampling;
    private final int batchSize;
    private final CounterRandom draws;
    private final Permutation heldOutLast;
    private Permutation epochOrder;
    private long epochOfOrder = -1;

    /**
     * @param holdout the examples to draw from
     * @param batchSize examples a step; epochs of fewer examples have one batch of all
     * @param seed the run's seed
     */
    public BatchSampler(Holdout holdout, Sampling sampling, int batchSize, long seed) {
        if (batchSize < 1) {
            throw new IllegalArgumentException("batch size " + batchSize + ": expected at least 1");
        }
        this.holdout = holdout;
        this.sampling = sampling;
        this.batchSize = batchSize;
        this.draws = new CounterRandom(seed, DRAWS);
        this.heldOutLast = holdout.validation() == 0 ? null : holdout.permutation();
    }

    /** Steps of one epoch: the batches that hold as many examples as there are to train with. */
    public static long stepsPerEpoch(Holdout holdout, int batchSize) {
        return (holdout.training() + (long) batchSize - 1) / batchSize;
    }

    /** Number of examples in the mini-batch of a step. */
    public int size(long step) {
        if (sampling == Sampling.REPLACEMENT) {
            return batchSize;
        }
        long first = step % stepsPerEpoch(holdout, batchSize) * batchSize;
        return (int) Math.min(batchSize, holdout.training() - first);
    }

    /**
     * The mini-batch of a step.
     *
     * @param step number of the step, from 0
     * @param examples receives the example numbers, in order; at least as long as the batch
     * @return number of examples
     */
    public int fill(long step, int[] examples) {
        int size = size(step);
        long stepsPerEpoch = stepsPerEpoch(holdout, batchSize);
        if (sampling == Sampling.EPOCH) {
            orderOf(step / stepsPerEpoch);
        }
        for (int i = 0; i < size; i++) {
            int drawn = sampling == Sampling.REPLACEMENT
                    ? draws.below(holdout.training(), step * batchSize + i)
                    : epochOrder.at((int) (step % stepsPerEpoch * batchSize) + i);
            examples[i] = heldOutLast == null ? drawn : heldOutLast.at(drawn);
        }
        return size;
    }

    /** Whether an example of the training files is held out for validation. */
    public boolean isHeldOut(int example) {
        return heldOutLast != null && heldOutLast.placeOf(example) >= holdout.training();
    }

    private void orderOf(long epoch) {
        if (epoch != epochOfOrder) {
            epochOrder = new Permutation(holdout.training(), new CounterRandom(draws.bits(epoch), EPOCHS));
            epochOfOrder = epoch;
        }
    }
}
