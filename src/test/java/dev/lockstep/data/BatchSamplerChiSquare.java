package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;

/** Pearson's test of counts that should be equal. */
final class BatchSamplerChiSquare {
    /** Deviations of a normal number that a fair source exceeds once in a billion times. */
    private static final double DEVIATIONS = 6;

    private BatchSamplerChiSquare() {}

    /** Fails when the counts differ more than chance explains, and also when they differ less. */
    static void assertUniform(String what, long[] counts) {
        long sum = 0;
        for (long count : counts) {
            sum += count;
        }
        double expected = (double) sum / counts.length;
        assertThat(expected).as("expected count of %s", what).isGreaterThan(20);
        double chiSquare = 0;
        for (long count : counts) {
            chiSquare += (count - expected) * (count - expected) / expected;
        }
        // Wilson and Hilferty: the cube root of chi-square over its degrees of freedom is nearly normal.
        double freedom = counts.length - 1;
        double variance = 2 / (9 * freedom);
        double normal = (Math.cbrt(chiSquare / freedom) - (1 - variance)) / Math.sqrt(variance);
        assertThat(normal)
                .as("%s: chi-square %.1f of %d cells as a normal number", what, chiSquare, counts.length)
                .isBetween(-DEVIATIONS, DEVIATIONS);
    }
}
