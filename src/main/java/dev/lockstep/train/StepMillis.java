package dev.lockstep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How long single steps took, in milliseconds; 0 without steps.
 *
 * @param median half of the steps took no longer
 * @param p90 90 of 100 steps took no longer
 * @param p99 99 of 100
 * @param p999 999 of 1,000
 * @param longest of all
 * @param histogram how many steps took how long, ascending and without gaps; empty without steps
 */
public record StepMillis(
        double median, double p90, double p99, double p999, double longest, List<StepMillis.Range> histogram) {
    /** From one edge to the next a time grows by a fifth: as fine as an eye can tell, and 1 us to 10 s are 90 ranges. */
    private static final double RANGES_PER_DOUBLING = 4;

    private static final double NANOS_PER_MILLI = 1e6;

    /**
     * A range of times.
     *
     * @param fromMillis inclusive
     * @param toMillis exclusive
     * @param steps that took so long
     */
    public record Range(double fromMillis, double toMillis, long steps) {}

    /** @param nanos a time for each step, in any order; not changed */
    static StepMillis of(long[] nanos) {
        long[] sorted = nanos.clone();
        Arrays.sort(sorted);
        return new StepMillis(
                percentile(sorted, 0.50),
                percentile(sorted, 0.90),
                percentile(sorted, 0.99),
                percentile(sorted, 0.999),
                percentile(sorted, 1),
                histogram(sorted));
    }

    private static double percentile(long[] sorted, double share) {
        return sorted.length == 0 ? 0 : sorted[(int) (share * (sorted.length - 1))] / NANOS_PER_MILLI;
    }

    private static List<Range> histogram(long[] sorted) {
        List<Range> ranges = new ArrayList<>();
        int next = 0;
        for (int range = sorted.length == 0 ? 0 : rangeOf(sorted[0]); next < sorted.length; range++) {
            long count = 0;
            while (next < sorted.length && rangeOf(sorted[next]) <= range) {
                count++;
                next++;
            }
            ranges.add(new Range(edgeMillis(range), edgeMillis(range + 1), count));
        }
        return List.copyOf(ranges);
    }

    private static int rangeOf(long nanos) {
        return (int) Math.floor(Math.log(Math.max(1, nanos)) / Math.log(2) * RANGES_PER_DOUBLING);
    }

    private static double edgeMillis(int range) {
        return Math.pow(2, range / RANGES_PER_DOUBLING) / NANOS_PER_MILLI;
    }
}
