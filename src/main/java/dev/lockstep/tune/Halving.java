package dev.lockstep.tune;

import java.util.ArrayList;
import java.util.List;

/**
 * How many trials get how much training: successive halving (Jamieson and Talwalkar 2016, as in Hyperband, Li and others
 * 2018). All trials train for a small share of their steps, the best of them go on to a share that is larger by a factor, and so
 * on; those of the last rung train to the end. With one rung it is a random search.
 *
 * @param trials of the first rung, at least 1
 * @param eta the factor by which trials get fewer and shares larger; 1 for one rung
 * @param minShare the share of its steps that every trial gets at least, above 0 and up to 1
 */
public record Halving(int trials, int eta, double minShare) {
    /**
     * A part of the search.
     *
     * @param trials that take part, if enough came so far
     * @param divisor the part of its steps that a trial has done at the end of the rung: one in so many
     */
    public record Rung(int trials, long divisor) {
        /** Steps done at the end of the rung by a trial that has so many in all; at least one. */
        long steps(long totalSteps) {
            return Math.max(1, (totalSteps + divisor - 1) / divisor);
        }
    }

    /** The rungs, at least one. */
    public List<Rung> rungs() {
        int count = 1;
        if (eta > 1) {
            for (long divisor = eta; divisor <= trials && divisor * minShare <= 1; divisor *= eta) {
                count++;
            }
        }
        List<Rung> rungs = new ArrayList<>();
        for (int k = 0; k < count; k++) {
            rungs.add(new Rung((int) (trials / power(k)), power(count - 1 - k)));
        }
        return List.copyOf(rungs);
    }

    private long power(int exponent) {
        long power = 1;
        for (int i = 0; i < exponent; i++) {
            power *= eta;
        }
        return power;
    }
}
