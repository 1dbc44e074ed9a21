package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.memory.LeakCheck;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AddLifecycleHook;

@AddLifecycleHook(LeakCheck.class)
class ParametersProperties {
    @Provide
    Arbitrary<NetworkShape> shapes() {
        return Combinators.combine(
                        Arbitraries.integers().between(1, 40),
                        Arbitraries.integers().between(1, 40),
                        Arbitraries.integers().between(1, 40))
                .as(NetworkShape::new);
    }

    private static Map<ParameterTensor, float[]> values(NetworkShape shape, long seed) {
        Random random = new Random(seed);
        Map<ParameterTensor, float[]> values = new EnumMap<>(ParameterTensor.class);
        int[] sizes = {
            shape.inputs() * shape.hidden(), shape.hidden(), shape.hidden() * shape.outputs(), shape.outputs()
        };
        for (ParameterTensor tensor : ParameterTensor.values()) {
            float[] numbers = new float[sizes[tensor.ordinal()]];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = random.nextInt(8) == 0 ? -0f : (float) random.nextGaussian();
            }
            values.put(tensor, numbers);
        }
        return values;
    }

    private static Parameters filled(NetworkShape shape, Map<ParameterTensor, float[]> values) {
        Parameters parameters = new Parameters(shape);
        values.forEach(parameters::setValues);
        return parameters;
    }

    @Property(seed = "7", tries = 200, edgeCases = EdgeCasesMode.NONE)
    void valuesComeBackWithoutNegativeZeros(@ForAll("shapes") NetworkShape shape, @ForAll long seed) {
        Map<ParameterTensor, float[]> values = values(shape, seed);
        try (Parameters parameters = filled(shape, values)) {
            long count = 0;
            for (ParameterTensor tensor : ParameterTensor.values()) {
                float[] found = parameters.values(tensor);
                float[] expected = values.get(tensor);
                assertThat(found).hasSameSizeAs(expected);
                count += found.length;
                for (int i = 0; i < found.length; i++) {
                    float wanted = expected[i] == 0f ? 0f : expected[i];
                    assertThat(Float.floatToRawIntBits(found[i])).isEqualTo(Float.floatToRawIntBits(wanted));
                    assertThat(parameters.get(tensor, i)).isEqualTo(wanted);
                }
            }
            assertThat(shape.parameters()).isEqualTo(count);
        }
    }

    @Property(seed = "8", tries = 200, edgeCases = EdgeCasesMode.NONE)
    void viewsSeeTheMatricesAndPaddingIsZero(@ForAll("shapes") NetworkShape shape, @ForAll long seed) {
        Map<ParameterTensor, float[]> values = values(shape, seed);
        try (Parameters p = filled(shape, values)) {
            double left = 0;
            for (int i = 0; i < shape.inputs(); i++) {
                for (int j = 0; j < shape.hidden(); j++) {
                    assertThat(p.w1().get(i, j)).isEqualTo(values.get(ParameterTensor.W1)[i * shape.hidden() + j] + 0f);
                    left += Math.abs(p.w1().get(i, j));
                }
            }
            for (int j = 0; j < shape.hidden(); j++) {
                assertThat(p.b1().get(j)).isEqualTo(values.get(ParameterTensor.B1)[j] + 0f);
                left += Math.abs(p.b1().get(j));
                for (int k = 0; k < shape.outputs(); k++) {
                    float expected = values.get(ParameterTensor.W2)[j * shape.outputs() + k] + 0f;
                    assertThat(p.w2t().get(k, j)).isEqualTo(expected);
                    left += Math.abs(expected);
                }
            }
            for (int k = 0; k < shape.outputs(); k++) {
                assertThat(p.b2().get(k)).isEqualTo(values.get(ParameterTensor.B2)[k] + 0f);
                left += Math.abs(p.b2().get(k));
            }
            double all = 0;
            for (int i = 0; i < p.all().length(); i++) {
                all += Math.abs(p.all().get(i));
            }
            assertThat(all).as("sum of everything, padding included").isCloseTo(left, within(1e-9 * left));
            assertThat(p.all().length())
                    .isEqualTo(p.w1().data().length()
                            + p.b1().length()
                            + p.w2t().data().length()
                            + p.b2().length());
        }
    }

    /** As NumPy would: concatenate the four arrays' tobytes() and hash. */
    @Property(seed = "9", tries = 50, edgeCases = EdgeCasesMode.NONE)
    void sha256IsThatOfTheUnpaddedTensors(@ForAll("shapes") NetworkShape shape, @ForAll long seed) throws Exception {
        Map<ParameterTensor, float[]> values = values(shape, seed);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (float[] tensor : values.values()) {
            for (float value : tensor) {
                int bits = value == 0f ? 0 : Float.floatToRawIntBits(value);
                for (int shift = 0; shift < 32; shift += 8) {
                    bytes.write(bits >>> shift);
                }
            }
        }
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray());
        try (Parameters parameters = filled(shape, values)) {
            assertThat(parameters.sha256()).isEqualTo(HexFormat.of().formatHex(hash));
        }
    }

    @Example
    void aWrongNumberOfValuesIsRefused() {
        try (Parameters parameters = new Parameters(new NetworkShape(3, 2, 4))) {
            assertThatThrownBy(() -> parameters.setValues(ParameterTensor.W2, new float[7]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("W2: expected 8 values, found 7");
        }
    }

    @Example
    void layersArePaddedToWholeCacheLines() {
        NetworkShape shape = new NetworkShape(784, 50, 10);
        assertThat(shape.parameters()).isEqualTo(39_760);
        assertThat(shape.paddedHidden()).isEqualTo(64);
        assertThat(shape.paddedOutputs()).isEqualTo(16);
        assertThat(shape).hasToString("784-50-10");
    }

    @Example
    void impossibleShapesAreRefused() {
        int[][] impossible = {{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {1, 1, 257}, {-1, 1, 1}};
        for (int[] s : impossible) {
            assertThatThrownBy(() -> new NetworkShape(s[0], s[1], s[2]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(s[0] + "-" + s[1] + "-" + s[2]);
        }
    }
}
