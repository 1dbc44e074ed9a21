package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.RandomBatch;
import dev.lockstep.kernel.ScalarKernels;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.LeakCheck;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.RandomDistribution;
import net.jqwik.api.lifecycle.AddLifecycleHook;

/**
 * The promise that the project is named for: however the shards are spread over executors, the gradient has the same
 * bits. Each executor has a run of shards, computes the gradients of the largest subtrees in it, and these are added
 * along the tree; subtrees without examples are left out.
 */
@AddLifecycleHook(LeakCheck.class)
class SameBitsProperties {
    private static final int MAX_SHARDS = 17;

    private final Kernels kernels = new ScalarKernels();

    /** The gradient of a node of the tree, or its absence. */
    private record Part(int low, int high, Parameters gradient, double lossSum) {}

    @Provide
    Arbitrary<GradientCase> backpropagation() {
        return GradientCase.upTo(MAX_SHARDS, 40, 20);
    }

    @Provide
    Arbitrary<GradientCase> differences() {
        return GradientCase.upTo(MAX_SHARDS, 12, 5);
    }

    /** Where one executor's shards end and the next one's begin: bit s stands for a border before shard s + 1. */
    @Provide
    Arbitrary<Integer> borders() {
        return Arbitraries.integers()
                .between(0, (1 << (MAX_SHARDS - 1)) - 1)
                .withDistribution(RandomDistribution.uniform());
    }

    /** The factor of each example: an ordinary one, and some so small that gradients become denormal or vanish. */
    @Provide
    Arbitrary<Float> scales() {
        return Arbitraries.of(1f / 40, 1e-37f, 1e-42f, Float.MIN_VALUE);
    }

    @Property(seed = "3", tries = 1000, edgeCases = EdgeCasesMode.NONE)
    void gradientByBackpropagation(
            @ForAll("backpropagation") GradientCase c, @ForAll("borders") int borders, @ForAll("scales") float scale) {
        TwoLayerNet net = c.net();
        assertSameBits(c, borders, scale, (w, x, tree, s, out) -> Backpropagation.gradient(net, w, x, tree, s, out));
    }

    @Property(seed = "4", tries = 300, edgeCases = EdgeCasesMode.NONE)
    void gradientByDifferences(
            @ForAll("differences") GradientCase c, @ForAll("borders") int borders, @ForAll("scales") float scale) {
        NumericalGradient differences = new NumericalGradient(c.net());
        assertSameBits(c, borders, scale, differences::gradient);
    }

    private void assertSameBits(GradientCase c, int borders, float scale, GradientCase.Way way) {
        RandomBatch batch = c.batch();
        List<Part> parts = new ArrayList<>();
        try (Parameters w = c.parameters();
                Parameters whole = RandomNet.garbage(c.shape())) {
            double lossSum = gradient(way, w, batch, 0, c.shards(), scale, whole);
            RandomNet.assertCleanGradient("whole", whole);
            BitSet ends = BitSet.valueOf(new long[] {borders});
            for (int low = 0; low < c.shards(); ) {
                int high = Math.min(ends.nextSetBit(low) < 0 ? c.shards() : ends.nextSetBit(low) + 1, c.shards());
                subtrees(way, w, batch, 0, c.shards(), low, high, scale, parts);
                low = high;
            }
            Part sum = addAlongTree(parts, 0, c.shards());
            if (sum == null) {
                assertThat(c.rows()).as("examples").isZero();
                assertThat(lossSum).isZero();
                for (int i = 0; i < whole.all().length(); i++) {
                    assertThat(Float.floatToRawIntBits(whole.all().get(i))).isZero();
                }
            } else {
                RandomNet.assertSameBits("sum of " + parts, sum.gradient, whole);
                assertThat(sum.lossSum).as("loss of %s", parts).isEqualTo(lossSum);
            }
        } finally {
            parts.forEach(part -> part.gradient.close());
        }
    }

    private static double gradient(
            GradientCase.Way way, Parameters w, RandomBatch batch, int low, int high, float scale, Parameters out) {
        try (SparseBatch x = batch.sparse(low, high)) {
            return way.gradient(w, x, batch.tree(low, high), scale, out);
        }
    }

    /** Computes the nodes below [low, high) that lie in the executor's shards [from, to) and whose parents do not. */
    private static void subtrees(
            GradientCase.Way way,
            Parameters w,
            RandomBatch batch,
            int low,
            int high,
            int from,
            int to,
            float scale,
            List<Part> parts) {
        if (to <= low || high <= from) {
            return;
        }
        if (from <= low && high <= to) {
            if (batch.rows(low, high) > 0) {
                Parameters out = RandomNet.garbage(w.shape());
                parts.add(new Part(low, high, out, gradient(way, w, batch, low, high, scale, out)));
            }
            return;
        }
        int mid = (low + high) / 2;
        subtrees(way, w, batch, low, mid, from, to, scale, parts);
        subtrees(way, w, batch, mid, high, from, to, scale, parts);
    }

    private Part addAlongTree(List<Part> parts, int low, int high) {
        for (Part part : parts) {
            if (part.low == low && part.high == high) {
                return part;
            }
        }
        if (high - low == 1) {
            return null;
        }
        int mid = (low + high) / 2;
        Part left = addAlongTree(parts, low, mid);
        Part right = addAlongTree(parts, mid, high);
        if (left == null || right == null) {
            return left == null ? right : left;
        }
        kernels.add(right.gradient.all(), left.gradient.all());
        return new Part(low, high, left.gradient, left.lossSum + right.lossSum);
    }
}
