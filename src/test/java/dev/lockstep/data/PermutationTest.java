package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lockstep.kernel.CounterRandom;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PermutationTest {
    private static final long SEED = 20260101;

    private static Permutation permutation(int size, long key) {
        return new Permutation(size, new CounterRandom(SEED, key));
    }

    private static void assertBijection(int size, long key) {
        Permutation permutation = permutation(size, key);
        BitSet seen = new BitSet(size);
        for (int place = 0; place < size; place++) {
            int element = permutation.at(place);
            // Plain comparisons: a fluent assertion for each of millions of elements would take minutes.
            if (element < 0 || element >= size || seen.get(element) || permutation.placeOf(element) != place) {
                throw new AssertionError("size " + size + ", key " + key + ": place " + place + " has element "
                        + element + (seen.get(element & Integer.MAX_VALUE) ? ", seen before" : "")
                        + ", whose place is " + permutation.placeOf(element));
            }
            seen.set(element);
        }
        assertThat(seen.cardinality()).isEqualTo(size);
    }

    @Test
    void everySizeUpTo300IsABijectionWithItsInverse() {
        for (int size = 1; size <= 300; size++) {
            for (long key = 0; key < 3; key++) {
                assertBijection(size, key);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1023, 1024, 1025, 4096, 4097, 60_000, 65_536, 65_537, 1_000_003})
    void largeSizesAreBijections(int size) {
        assertBijection(size, 7);
    }

    @ParameterizedTest
    @ValueSource(ints = {1 << 30, (1 << 30) + 1, Integer.MAX_VALUE})
    void hugeSizesStayInsideAndInvert(int size) {
        Permutation permutation = permutation(size, 11);
        Random random = new Random(SEED);
        Set<Integer> seen = new HashSet<>();
        for (int i = 0; i < 2_000; i++) {
            int place = i == 0 ? 0 : i == 1 ? size - 1 : random.nextInt(size);
            int element = permutation.at(place);
            assertThat(element).isBetween(0, size - 1);
            assertThat(permutation.placeOf(element)).isEqualTo(place);
            seen.add(element);
        }
        assertThat(seen).hasSizeGreaterThan(1_990);
    }

    @Test
    void differentKeysShuffleDifferently() {
        Set<String> orders = new HashSet<>();
        for (long key = 0; key < 500; key++) {
            Permutation permutation = permutation(40, key);
            StringBuilder order = new StringBuilder();
            for (int place = 0; place < 40; place++) {
                order.append(permutation.at(place)).append(' ');
            }
            orders.add(order.toString());
        }
        assertThat(orders).hasSize(500);
    }

    /** Every element is as likely as any other at the first place, at the last, and after any given element. */
    @Test
    void elementsArePlacedUniformly() {
        int size = 21;
        int keys = 42_000;
        long[] first = new long[size];
        long[] last = new long[size];
        long[] pairs = new long[size * (size - 1)];
        for (long key = 0; key < keys; key++) {
            Permutation permutation = permutation(size, key);
            int a = permutation.at(0);
            int b = permutation.at(1);
            first[a]++;
            last[permutation.at(size - 1)]++;
            pairs[a * (size - 1) + (b > a ? b - 1 : b)]++;
        }
        BatchSamplerChiSquare.assertUniform("first element, seed " + SEED, first);
        BatchSamplerChiSquare.assertUniform("last element, seed " + SEED, last);
        BatchSamplerChiSquare.assertUniform("first two elements, seed " + SEED, pairs);
    }

    @Test
    void aPermutationOfNothingIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> permutation(0, 1)).withMessageContaining("0 elements");
    }
}
