package dev.lockstep.files;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** Random tensors of every bit pattern, and damage. */
final class TensorArbitraries {
    private TensorArbitraries() {}

    static Arbitrary<List<Tensor>> tensors() {
        return tensor().list().ofMaxSize(5).uniqueElements(Tensor::name);
    }

    static Arbitrary<Tensor> tensor() {
        Arbitrary<String> names = Arbitraries.strings()
                .ofMinLength(1)
                .ofMaxLength(12)
                .filter(name -> Tensor.isStorableName(name) && !name.equals(SafetensorsLayout.METADATA));
        Arbitrary<int[]> shapes =
                Arbitraries.integers().between(0, 6).array(int[].class).ofMaxSize(4);
        return Combinators.combine(names, shapes)
                .flatAs((name, shape) -> bits().array(Integer[].class)
                        .ofSize((int) Tensor.elementCount(shape))
                        .map(bits -> new Tensor(name, shape, floats(bits))));
    }

    /** Every float there is: uniform bits, and the special ones often. */
    private static Arbitrary<Integer> bits() {
        float[] special = GoldenFiles.special().values();
        Integer[] specialBits = new Integer[special.length];
        for (int i = 0; i < special.length; i++) {
            specialBits[i] = Float.floatToRawIntBits(special[i]);
        }
        return Arbitraries.oneOf(Arbitraries.integers(), Arbitraries.of(specialBits));
    }

    private static float[] floats(Integer[] bits) {
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Float.intBitsToFloat(bits[i]);
        }
        return values;
    }
}
