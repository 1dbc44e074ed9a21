package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.RandomBatch;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.LeakCheck;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AddLifecycleHook;

/** Backpropagation against differences, over random shapes, activations, losses, weights and batches. */
@AddLifecycleHook(LeakCheck.class)
class BackpropagationProperties {
    /** Rounding of floats, and the differences' own error: h^2 / 6 times the third derivative, which pixels of 3 cube. */
    private static final double TOLERANCE = 2e-6;

    @Provide
    Arbitrary<GradientCase> cases() {
        return GradientCase.upTo(4, 10, 9);
    }

    @Property(seed = "5", tries = 500, edgeCases = EdgeCasesMode.NONE)
    void agreesWithTheNumericalGradient(@ForAll("cases") GradientCase c) {
        RandomBatch batch = c.batch();
        TwoLayerNet net = c.net();
        float scale = 1f / Math.max(c.rows(), 1);
        try (Parameters w = c.parameters();
                SparseBatch x = batch.sparse(0, c.shards());
                Parameters found = RandomNet.garbage(c.shape());
                Parameters expected = RandomNet.garbage(c.shape())) {
            Assume.that(c.activation() != Activation.RELU || !nearTheKink(new PlainNet(net, w), batch));
            SegmentTree tree = batch.tree(0, c.shards());
            double lossSum = Backpropagation.gradient(net, w, x, tree, scale, found);
            double expectedLossSum = new NumericalGradient(net).gradient(w, x, tree, scale, expected);
            assertThat(lossSum).isCloseTo(expectedLossSum, within(1e-5 * (c.rows() + expectedLossSum)));
            for (ParameterTensor tensor : ParameterTensor.values()) {
                assertClose(c, tensor, found.values(tensor), expected.values(tensor));
            }
        }
    }

    private static void assertClose(GradientCase c, ParameterTensor tensor, float[] found, float[] expected) {
        float largest = 0f;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i])
                    .as("%s of %s, element %d", tensor.label(), c, i)
                    .isCloseTo(expected[i], within(TOLERANCE * (1 + largest)));
        }
    }

    /** Whether a hidden unit's input may change its sign while the gradient is taken: there relu has no derivative. */
    private static boolean nearTheKink(PlainNet net, RandomBatch batch) {
        for (float[] pixels : batch.pixels()) {
            float brightest = 1f;
            for (float pixel : pixels) {
                brightest = Math.max(brightest, Math.abs(pixel));
            }
            for (double a : net.hiddenInput(pixels)) {
                // Exactly zero for all-zero pixels and a bias of zero: a kink as well.
                if (Math.abs(a) <= 2 * NumericalGradient.STEP * brightest) {
                    return true;
                }
            }
        }
        return false;
    }
}
