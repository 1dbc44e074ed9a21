package dev.lockstep.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * Sizes and numbers of one comparison of kernels. Its text, which failures show, is all that is needed to run it again.
 *
 * @param rows examples
 * @param inputs width of X
 * @param hidden width of the hidden layer
 * @param classes width of the output layer
 * @param low first shard of the batch's subtree
 * @param high one past its last shard
 * @param regime what the numbers are like
 * @param seed of the numbers
 */
record KernelCase(int rows, int inputs, int hidden, int classes, int low, int high, Regime regime, long seed) {
    private static final int[] HIDDEN = {1, 7, 8, 15, 16, 17, 50, 100};
    private static final int[] CLASSES = {1, 2, 3, 10, 16, 17};
    private static final int[] ROWS = {0, 1, 2, 23};

    /** Widths on both sides of every block and lane, with no, one and many examples, in every regime. */
    static List<KernelCase> all() {
        List<KernelCase> cases = new ArrayList<>();
        for (Regime regime : Regime.values()) {
            for (int hidden : HIDDEN) {
                for (int rows : ROWS) {
                    int n = cases.size();
                    int low = n % 4;
                    int inputs = 1 + n * 5 % 19;
                    int shards = 1 + n * 7 % 12;
                    int classes = CLASSES[n % CLASSES.length];
                    cases.add(new KernelCase(rows, inputs, hidden, classes, low, low + shards, regime, n));
                }
            }
        }
        // More shards than rows, more rows than kernels have scratch for, and a width of several blocks and a rest.
        cases.add(new KernelCase(40, 19, 50, 3, 5, 305, Regime.ORDINARY, cases.size()));
        cases.add(new KernelCase(4097, 6, 17, 2, 0, 3, Regime.ORDINARY, cases.size()));
        cases.add(new KernelCase(30, 23, 200, 10, 1, 5, Regime.ORDINARY, cases.size()));
        return cases;
    }

    /** Those of {@link #all} whose numbers are of one kind. */
    static List<KernelCase> all(Regime regime) {
        return all().stream().filter(c -> c.regime == regime).toList();
    }

    /** The width of a layer in memory. */
    static int padded(int width) {
        return (width + Kernels.LANES - 1) / Kernels.LANES * Kernels.LANES;
    }
}
