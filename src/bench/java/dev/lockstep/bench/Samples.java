package dev.lockstep.bench;

import java.util.List;

/**
 * A figure of every round.
 *
 * @param side whose
 * @param values one a round
 */
record Samples(String side, List<Double> values) {
    /** Keeps a copy. */
    Samples {
        values = List.copyOf(values);
    }

    /** The middle one; of an even number the mean of the middle two; NaN of none. */
    double median() {
        if (values.isEmpty()) {
            return Double.NaN;
        }
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }
}
