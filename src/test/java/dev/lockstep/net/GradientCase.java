package dev.lockstep.net;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.RandomBatch;
import dev.lockstep.kernel.Regime;
import dev.lockstep.kernel.ScalarKernels;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.RandomDistribution;

/**
 * A network and a mini-batch over shards, all of them functions of this record: its text is all that is needed to see a
 * failure again.
 *
 * @param shape sizes of the network
 * @param shards leaves of the reduction tree
 * @param rows examples in the mini-batch, dealt out to the shards at random
 * @param seed of weights, pixels and labels
 */
record GradientCase(NetworkShape shape, Activation activation, Loss loss, int shards, int rows, long seed) {

    /** Cases of up to so many shards, examples and units; shrinking makes them small. */
    static Arbitrary<GradientCase> upTo(int maxShards, int maxRows, int maxUnits) {
        Arbitrary<NetworkShape> shapes = Combinators.combine(between(1, maxUnits), between(1, maxUnits), between(2, 11))
                .as(NetworkShape::new);
        return Combinators.combine(
                        shapes,
                        Arbitraries.of(Activation.class),
                        Arbitraries.of(Loss.class),
                        between(1, maxShards),
                        between(0, maxRows),
                        between(0, Integer.MAX_VALUE))
                .as(GradientCase::new);
    }

    /** All alike: by itself jqwik prefers the ends. */
    private static Arbitrary<Integer> between(int low, int high) {
        return Arbitraries.integers().between(low, high).withDistribution(RandomDistribution.uniform());
    }

    TwoLayerNet net() {
        return new TwoLayerNet(shape, activation, loss, new ScalarKernels());
    }

    RandomBatch batch() {
        Random random = new Random(seed);
        int[] rowsOfShard = RandomBatch.deal(rows, shards, random);
        return RandomBatch.of(rowsOfShard, shape.inputs(), shape.outputs(), Regime.ORDINARY, random);
    }

    Parameters parameters() {
        return RandomNet.parameters(shape, 0.7, new Random(seed + 1));
    }

    /** A way to the gradient of a part of the batch. */
    @FunctionalInterface
    interface Way {
        /** All of {@code out} is written; returns the sum of the losses. */
        double gradient(Parameters w, SparseBatch x, SegmentTree tree, float scale, Parameters out);
    }
}
