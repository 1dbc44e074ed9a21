package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.RandomBatch;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.LeakCheck;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The fast way to differences against the plain way, which knows nothing of what a parameter touches. */
@ExtendWith(LeakCheck.class)
class NumericalGradientTest {
    private static final double FLOAT_ROUNDING = 0x1p-24;

    static Stream<GradientCase> cases() {
        NetworkShape[] shapes = {
            new NetworkShape(1, 1, 2), new NetworkShape(5, 3, 4), new NetworkShape(9, 17, 3), new NetworkShape(4, 8, 10)
        };
        return IntStream.range(0, 96)
                .mapToObj(i -> new GradientCase(
                        shapes[i % 4],
                        Activation.values()[i / 4 % 3],
                        Loss.values()[i / 12 % 2],
                        i / 24 % 2 == 0 ? 1 : 5,
                        i / 48 == 0 ? 3 : 7,
                        i));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithThePlainWay(GradientCase c) {
        RandomBatch batch = c.batch();
        float scale = 0.125f;
        try (Parameters w = c.parameters();
                SparseBatch x = batch.sparse(0, c.shards());
                Parameters before = c.parameters();
                Parameters found = RandomNet.garbage(c.shape())) {
            PlainNet plain = new PlainNet(c.net(), w);
            double lossSum = new NumericalGradient(c.net()).gradient(w, x, batch.tree(0, c.shards()), scale, found);
            assertThat(lossSum).isCloseTo(plain.lossSum(batch), within(1e-12 * c.rows()));
            for (ParameterTensor tensor : ParameterTensor.values()) {
                double[] expected = plain.differences(tensor, batch, NumericalGradient.STEP, scale);
                for (int i = 0; i < expected.length; i++) {
                    // Each segment's sum is rounded to a float once, and so is each sum of segments.
                    double rounding = FLOAT_ROUNDING * (c.shards() == 1 ? Math.abs(expected[i]) : 2 * c.shards());
                    assertThat((double) found.get(tensor, i))
                            .as("%s, element %d", tensor.label(), i)
                            .isCloseTo(expected[i], within(1e-9 + rounding));
                }
            }
            RandomNet.assertCleanGradient("differences", found);
            RandomNet.assertSameBits("the parameters", w, before);
        }
    }
}
