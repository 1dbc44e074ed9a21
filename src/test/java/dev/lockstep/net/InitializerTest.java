package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.kernel.CounterRandom;
import dev.lockstep.memory.LeakCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(LeakCheck.class)
class InitializerTest {
    private static final NetworkShape BOOK = new NetworkShape(784, 50, 10);

    private static Parameters initialized(Initializer initializer, NetworkShape shape, double std, long seed) {
        Parameters parameters = RandomNet.garbage(shape);
        initializer.initialize(parameters, std, seed);
        return parameters;
    }

    @ParameterizedTest
    @CsvSource({"NORMAL, 0.01, 0.01", "XAVIER, 0.035714285714, 0.070710678119", "HE, 0.050507627228, 0.1"})
    void weightsHaveTheirMomentsAndBiasesAreZero(Initializer initializer, double w1, double w2) {
        NetworkShape shape = new NetworkShape(784, 200, 100);
        double[] std = {w1, 0, w2, 0};
        try (Parameters parameters = initialized(initializer, shape, 0.01, 42)) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                double expected = std[tensor.ordinal()];
                float[] values = parameters.values(tensor);
                double sum = 0;
                double squares = 0;
                for (float value : values) {
                    sum += value;
                    squares += (double) value * value;
                }
                int n = values.length;
                // Five standard deviations of the sample's mean and of its variance.
                assertThat(sum / n).as("mean of %s", tensor.label()).isCloseTo(0, within(5 * expected / Math.sqrt(n)));
                assertThat(squares / n)
                        .as("variance of %s", tensor.label())
                        .isCloseTo(expected * expected, within(5 * expected * expected * Math.sqrt(2.0 / n)));
            }
            RandomNet.assertCleanGradient("initial parameters", parameters);
        }
    }

    @Test
    void eachWeightIsItsOwnGaussian() {
        CounterRandom random = new CounterRandom(7, 1);
        try (Parameters parameters = initialized(Initializer.NORMAL, BOOK, 0.01, 7)) {
            for (int i : new int[] {0, 1, 50, 784 * 50 - 1}) {
                assertThat(parameters.get(ParameterTensor.W1, i)).isEqualTo((float) (0.01 * random.gaussian(i)));
            }
            for (int i : new int[] {0, 10, 499}) {
                assertThat(parameters.get(ParameterTensor.W2, i))
                        .isEqualTo((float) (0.01 * random.gaussian(784 * 50 + i)));
            }
        }
    }

    @Test
    void aDeviationOfZeroGivesPositiveZeros() {
        try (Parameters parameters = initialized(Initializer.NORMAL, BOOK, 0, 1);
                Parameters zeros = new Parameters(BOOK)) {
            RandomNet.assertSameBits("std 0", parameters, zeros);
        }
    }

    /** Every run of the preset starts from these bits: they change on purpose or not at all. */
    @ParameterizedTest
    @CsvSource({
        "NORMAL, 42, e8ec2fd54cb74f61b372bc5c32c8c218a32b177dfdc8cb27af70c143705af024",
        "NORMAL, 43, 626fd71c5b3d8c372d15b983ad478d4d72206f6b2bf54b5d30221914b1945206",
        "XAVIER, 42, dbdf70dbce3a89f2ab7c487dca4dc7f2810233a8911d0a939d4706e7c1c4cdb0",
        "HE, 42, 0f9f201e1b00413f5737bde511f955b733d30dbc43c0b65f150eb8143cb70162"
    })
    void initialWeightsArePinned(Initializer initializer, long seed, String sha256) {
        try (Parameters parameters = initialized(initializer, BOOK, 0.01, seed)) {
            assertThat(parameters.sha256()).isEqualTo(sha256);
        }
    }
}
