package dev.lockstep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(LeakCheck.class)
class OptimizerTest {
    private static final NetworkShape SHAPE = new NetworkShape(7, 5, 3);
    private static final long SEED = 99;
    private static final int STEPS = 12;

    /** The formulas of {@link Optimizer} in double, one plain array a tensor. */
    private static final class Reference {
        private final Map<ParameterTensor, double[]> weights = new EnumMap<>(ParameterTensor.class);
        private final Map<ParameterTensor, double[]> velocity = new EnumMap<>(ParameterTensor.class);

        Reference(Parameters initial) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                double[] values = new double[initial.length(tensor)];
                for (int i = 0; i < values.length; i++) {
                    values[i] = initial.get(tensor, i);
                }
                weights.put(tensor, values);
                velocity.put(tensor, new double[values.length]);
            }
        }

        void apply(UpdateRule rule, double rate, double m, double decay, Parameters gradient) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                double[] w = weights.get(tensor);
                double[] v = velocity.get(tensor);
                boolean isBias = tensor == ParameterTensor.B1 || tensor == ParameterTensor.B2;
                for (int i = 0; i < w.length; i++) {
                    double g = gradient.get(tensor, i) + (isBias ? 0 : decay * w[i]);
                    v[i] = m * v[i] - rate * g;
                    w[i] += switch (rule) {
                        case SGD -> -rate * g;
                        case MOMENTUM -> v[i];
                        case NESTEROV -> m * v[i] - rate * g;
                    };
                }
            }
        }
    }

    private static void random(Random random, Parameters parameters) {
        for (ParameterTensor tensor : ParameterTensor.values()) {
            for (int i = 0; i < parameters.length(tensor); i++) {
                parameters.set(tensor, i, (float) random.nextGaussian());
            }
        }
    }

    private static void assertSame(String what, Map<ParameterTensor, double[]> expected, Parameters found) {
        for (ParameterTensor tensor : ParameterTensor.values()) {
            for (int i = 0; i < found.length(tensor); i++) {
                double value = expected.get(tensor)[i];
                assertThat((double) found.get(tensor, i))
                        .as("%s, %s[%d], seed %d", what, tensor, i, SEED)
                        .isCloseTo(value, within(2e-6 * (1 + Math.abs(value))));
            }
        }
    }

    /** Whatever is no parameter is zero, bit for bit. */
    private static void assertPaddingIsZero(Parameters parameters) {
        try (Parameters rest = parameters.copy()) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                for (int i = 0; i < rest.length(tensor); i++) {
                    rest.set(tensor, i, 0f);
                }
            }
            for (int i = 0; i < rest.all().length(); i++) {
                assertThat(Float.floatToRawIntBits(rest.all().get(i)))
                        .as("float %d", i)
                        .isZero();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "SGD, 0.9, 0",
        "SGD, 0, 0.01",
        "MOMENTUM, 0.9, 0",
        "MOMENTUM, 0.5, 0.01",
        "MOMENTUM, 0, 0",
        "NESTEROV, 0.9, 0",
        "NESTEROV, 0.7, 0.02"
    })
    void severalStepsFollowTheFormulas(UpdateRule rule, float momentum, float decay) {
        Random random = new Random(SEED);
        try (Parameters weights = new Parameters(SHAPE);
                Parameters gradient = new Parameters(SHAPE);
                Optimizer optimizer = new Optimizer(rule, momentum, decay, SHAPE, KernelChoice.AUTO.kernels())) {
            random(random, weights);
            Reference reference = new Reference(weights);
            for (int step = 0; step < STEPS; step++) {
                float rate = 0.3f / (1 + step);
                random(random, gradient);
                reference.apply(rule, rate, momentum, decay, gradient);
                optimizer.apply(rate, gradient, weights);
                assertSame("weights after step " + step, reference.weights, weights);
            }
            optimizer.velocity().ifPresent(v -> {
                assertSame("velocity", reference.velocity, v);
                assertPaddingIsZero(v);
            });
            assertThat(optimizer.velocity().isPresent()).isEqualTo(rule != UpdateRule.SGD);
            assertPaddingIsZero(weights);
        }
    }

    @ParameterizedTest
    @CsvSource({"SGD, 0, 0", "SGD, 0, 0.01", "MOMENTUM, 0.9, 0.01", "NESTEROV, 0.9, 0", "NESTEROV, 0.7, 0.02"})
    void sharesInAnyOrderGiveTheBitsOfTheWhole(UpdateRule rule, float momentum, float decay) {
        Random random = new Random(SEED);
        try (Parameters weights = new Parameters(SHAPE);
                Parameters gradient = new Parameters(SHAPE);
                Optimizer whole = new Optimizer(rule, momentum, decay, SHAPE, KernelChoice.AUTO.kernels());
                Optimizer cut = new Optimizer(rule, momentum, decay, SHAPE, KernelChoice.AUTO.kernels())) {
            random(random, weights);
            try (Parameters cutWeights = weights.copy()) {
                for (int count = 2; count < 7; count++) { // seven inputs are two groups: some shares are empty
                    random(random, gradient);
                    try (Parameters cutGradient = gradient.copy()) {
                        whole.apply(0.1f, gradient, weights);
                        cut.begin(0.1f, cutGradient, cutWeights, count);
                        List<Integer> shares = new ArrayList<>(
                                IntStream.range(0, count).boxed().toList());
                        Collections.shuffle(shares, random);
                        shares.forEach(cut::update);
                    }
                    assertThat(cutWeights.sha256()).as(count + " shares").isEqualTo(weights.sha256());
                    if (rule != UpdateRule.SGD) {
                        assertThat(cut.velocity().orElseThrow().sha256())
                                .isEqualTo(whole.velocity().orElseThrow().sha256());
                    }
                }
            }
        }
    }

    @Test
    void decayWithoutGradientShrinksWeightsAndLeavesBiases() {
        try (Parameters weights = new Parameters(SHAPE);
                Parameters gradient = new Parameters(SHAPE);
                Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0.5f, SHAPE, KernelChoice.AUTO.kernels())) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                for (int i = 0; i < weights.length(tensor); i++) {
                    weights.set(tensor, i, 2f);
                }
            }
            optimizer.apply(0.25f, gradient, weights);
            assertThat(weights.values(ParameterTensor.W1)).containsOnly(1.75f);
            assertThat(weights.values(ParameterTensor.W2)).containsOnly(1.75f);
            assertThat(weights.values(ParameterTensor.B1)).containsOnly(2f);
            assertThat(weights.values(ParameterTensor.B2)).containsOnly(2f);
        }
    }

    /** Plain sgd is one rounding a weight: the same bits as fused w - lr g, so that engines can be held against it. */
    @Test
    void plainDescentIsOneFusedOperationAWeight() {
        Random random = new Random(SEED);
        try (Parameters weights = new Parameters(SHAPE);
                Parameters gradient = new Parameters(SHAPE);
                Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0, SHAPE, KernelChoice.AUTO.kernels())) {
            random(random, weights);
            random(random, gradient);
            float[] before = weights.values(ParameterTensor.W1);
            optimizer.apply(0.1f, gradient, weights);
            for (int i = 0; i < before.length; i++) {
                assertThat(weights.get(ParameterTensor.W1, i))
                        .isEqualTo(Math.fma(-0.1f, gradient.get(ParameterTensor.W1, i), before[i]));
            }
        }
    }
}
