package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CounterRandomTest {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;
    private static final int DRAWS = 200_000;

    /** Deciles of N(0, 1) above the median. */
    private static final double[] DECILES = {
        0.2533471031357997, 0.5244005127080407, 0.8416212335729143, 1.2815515655446004
    };

    /** Asserts that a chi-square statistic is neither too large (not uniform) nor too small (not random), at 5 sigma. */
    private static void assertPlausible(String what, double chiSquare, int freedom) {
        // Wilson and Hilferty: the cube root of chi^2 / k is about normal.
        double variance = 2.0 / (9 * freedom);
        double z = (Math.cbrt(chiSquare / freedom) - (1 - variance)) / Math.sqrt(variance);
        assertThat(z)
                .as("%s: chi-square %.1f with %d degrees of freedom, in sigmas", what, chiSquare, freedom)
                .isBetween(-5.0, 5.0);
    }

    private static double chiSquare(int[] found, double[] expected) {
        double sum = 0;
        for (int i = 0; i < found.length; i++) {
            sum += (found[i] - expected[i]) * (found[i] - expected[i]) / expected[i];
        }
        return sum;
    }

    private static double[] even(int cells, double draws) {
        double[] expected = new double[cells];
        Arrays.fill(expected, draws / cells);
        return expected;
    }

    @Test
    void mixIsTheFinaliserOfSplitMix() {
        for (long seed : new long[] {0, 1, -1, 42, Long.MIN_VALUE, 0x123456789abcdefL}) {
            SplittableRandom jdk = new SplittableRandom(seed);
            for (int i = 1; i <= 1000; i++) {
                assertThat(CounterRandom.mix(seed + i * GOLDEN_GAMMA))
                        .as("number %d of seed %d", i, seed)
                        .isEqualTo(jdk.nextLong());
            }
        }
    }

    @Test
    void isAPureFunctionOfSeedStreamAndCounter() {
        CounterRandom forward = new CounterRandom(42, 7);
        CounterRandom backward = new CounterRandom(42, 7);
        long[] bits = new long[1000];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = forward.bits(i);
        }
        for (int i = bits.length - 1; i >= 0; i--) {
            assertThat(backward.bits(i)).as("counter %d", i).isEqualTo(bits[i]);
        }
    }

    @Test
    void seedsStreamsAndCountersAllTell() {
        Set<Long> seen = new HashSet<>();
        for (int seed = -5; seed <= 5; seed++) {
            for (int stream = 0; stream < 20; stream++) {
                CounterRandom random = new CounterRandom(seed, stream);
                for (int counter = -50; counter < 50; counter++) {
                    assertThat(seen.add(random.bits(counter)))
                            .as("seed %d, stream %d, counter %d repeats other bits", seed, stream, counter)
                            .isTrue();
                }
            }
        }
    }

    @Test
    void everyBitIsSetHalfOfTheTime() {
        CounterRandom random = new CounterRandom(3, 1);
        int[] ones = new int[64];
        for (int i = 0; i < DRAWS; i++) {
            long bits = random.bits(i);
            for (int b = 0; b < 64; b++) {
                ones[b] += (int) (bits >>> b & 1);
            }
        }
        for (int b = 0; b < 64; b++) {
            assertThat((ones[b] - DRAWS / 2.0) / Math.sqrt(DRAWS / 4.0))
                    .as("bit %d, sigmas from half", b)
                    .isBetween(-5.0, 5.0);
        }
    }

    /** Cells of equal width over the range; the expected number in each follows from the bound. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 10, 100, 8000, 60_000, (1 << 30) + 1, Integer.MAX_VALUE})
    void belowIsUniform(int bound) {
        CounterRandom random = new CounterRandom(42, 2);
        int cells = Math.min(bound, 1000);
        int[] found = new int[cells];
        int[] lowDigit = new int[Math.min(bound, 7)];
        for (int i = 0; i < DRAWS; i++) {
            int value = random.below(bound, i);
            assertThat(value).as("counter %d", i).isBetween(0, bound - 1);
            found[(int) ((long) value * cells / bound)]++;
            lowDigit[value % lowDigit.length]++;
        }
        double[] expected = new double[cells];
        for (int c = 0; c < cells; c++) {
            long from = ((long) c * bound + cells - 1) / cells;
            long to = ((c + 1L) * bound + cells - 1) / cells;
            expected[c] = (double) (to - from) / bound * DRAWS;
        }
        assertPlausible("below(" + bound + ")", chiSquare(found, expected), cells - 1);
        if (bound >= 7 * DRAWS) {
            assertPlausible("below(" + bound + ") modulo 7", chiSquare(lowDigit, even(7, DRAWS)), 6);
        }
    }

    @Test
    void belowIsExactlyTheTopOfTheProduct() {
        CounterRandom random = new CounterRandom(9, 9);
        for (int bound : new int[] {1, 2, 3, 10, 60_000, Integer.MAX_VALUE}) {
            for (int i = 0; i < 1000; i++) {
                BigInteger bits = BigInteger.valueOf(random.bits(i) >>> 1);
                int expected =
                        bits.multiply(BigInteger.valueOf(bound)).shiftRight(63).intValueExact();
                assertThat(random.below(bound, i)).isEqualTo(expected);
            }
        }
        assertThat(random.below(1, 12345)).isZero();
    }

    /** Neighbouring streams, seeds and counters: every pair of cells is as frequent as every other. */
    @Test
    void neighboursAreIndependent() {
        CounterRandom random = new CounterRandom(42, 1);
        CounterRandom nextStream = new CounterRandom(42, 2);
        CounterRandom nextSeed = new CounterRandom(43, 1);
        int[] counters = new int[256];
        int[] streams = new int[256];
        int[] seeds = new int[256];
        for (int i = 0; i < DRAWS; i++) {
            int cell = 16 * random.below(16, i);
            counters[cell + random.below(16, i + 1)]++;
            streams[cell + nextStream.below(16, i)]++;
            seeds[cell + nextSeed.below(16, i)]++;
        }
        assertPlausible("counters", chiSquare(counters, even(256, DRAWS)), 255);
        assertPlausible("streams", chiSquare(streams, even(256, DRAWS)), 255);
        assertPlausible("seeds", chiSquare(seeds, even(256, DRAWS)), 255);
    }

    @Test
    void unitStaysInsideItsIntervalAtBothEnds() {
        CounterRandom random = new CounterRandom(42, 1);
        for (long bits : new long[] {0, -1, 1, -2, 0x7ff, ~0x7ffL, 0xfff, ~0xfffL}) {
            long counter = counterOf(random, bits);
            assertThat(random.bits(counter)).isEqualTo(bits);
            assertThat(random.unit(counter))
                    .as("bits %x", bits)
                    .isGreaterThan(0)
                    .isLessThan(1);
            assertThat(random.below(Integer.MAX_VALUE, counter)).isBetween(0, Integer.MAX_VALUE - 1);
        }
        assertThat(random.unit(counterOf(random, 0))).isEqualTo(0x1p-53);
        assertThat(random.unit(counterOf(random, -1))).isEqualTo(1 - 0x1p-53);
    }

    /** The counter at which a generator gives certain bits: everything in it can be undone. */
    private static long counterOf(CounterRandom random, long bits) {
        long key = unmix(random.bits(0)) ^ CounterRandom.mix(GOLDEN_GAMMA);
        return (unmix(unmix(bits) ^ key) - GOLDEN_GAMMA) * inverse(GOLDEN_GAMMA);
    }

    private static long unmix(long z) {
        long x = unshift(z, 31) * inverse(0x94D049BB133111EBL);
        x = unshift(x, 27) * inverse(0xBF58476D1CE4E5B9L);
        return unshift(x, 30);
    }

    private static long unshift(long z, int shift) {
        return z ^ z >>> shift ^ z >>> 2 * shift;
    }

    private static long inverse(long odd) {
        return BigInteger.valueOf(odd).modInverse(BigInteger.ONE.shiftLeft(64)).longValue();
    }

    @Test
    void gaussianHasTheMomentsAndTailsOfTheNormalDistribution() {
        CounterRandom random = new CounterRandom(42, 1);
        int draws = 1_000_000;
        double[] moment = new double[5];
        int[] decile = new int[10];
        int[] beyond = new int[5];
        double neighbours = 0;
        double previous = 0;
        for (int i = 0; i < draws; i++) {
            double g = random.gaussian(i);
            double power = 1;
            for (int m = 1; m < moment.length; m++) {
                power *= g;
                moment[m] += power / draws;
            }
            neighbours += g * previous / draws;
            previous = g;
            int above = 0;
            while (above < DECILES.length && Math.abs(g) > DECILES[above]) {
                above++;
            }
            decile[g < 0 ? 4 - above : 5 + above]++;
            for (int t = 1; t < beyond.length; t++) {
                beyond[t] += Math.abs(g) > t ? 1 : 0;
            }
        }
        // Five times the standard deviations sqrt(1, 2, 15, 96) / 1000 of the sample's moments.
        assertThat(moment[1]).as("mean").isCloseTo(0, within(0.005));
        assertThat(moment[2]).as("variance").isCloseTo(1, within(0.0071));
        assertThat(moment[3]).as("third moment").isCloseTo(0, within(0.0194));
        assertThat(moment[4]).as("fourth moment").isCloseTo(3, within(0.049));
        assertThat(neighbours).as("covariance of neighbours").isCloseTo(0, within(0.005));
        assertPlausible("deciles", chiSquare(decile, even(10, draws)), 9);
        double[] share = {1, 0.31731050786, 0.04550026390, 0.00269979606, 0.0000633424837};
        for (int t = 1; t < beyond.length; t++) {
            double expected = share[t] * draws;
            assertThat((double) beyond[t])
                    .as("beyond %d sigma", t)
                    .isCloseTo(expected, within(5 * Math.sqrt(expected)));
        }
    }

    /** Batches and initial weights are made of these: they change on purpose or not at all. */
    @Test
    void goldenValues() {
        CounterRandom random = new CounterRandom(42, 1);
        assertThat(random.bits(0)).isEqualTo(-5314300688645153106L);
        assertThat(random.bits(1)).isEqualTo(7258994960111885023L);
        assertThat(random.bits(-1)).isEqualTo(-1811423424133138808L);
        assertThat(new CounterRandom(42, 2).bits(0)).isEqualTo(793798239740295520L);
        assertThat(new CounterRandom(-1, 0).bits(1L << 40)).isEqualTo(9195140292913666252L);
        assertThat(random.below(60_000, 3)).isEqualTo(20250);
        assertThat(random.unit(4)).isEqualTo(0.7097996967683827);
        assertThat(random.gaussian(5)).isEqualTo(-0.04582891574677168);
    }
}
