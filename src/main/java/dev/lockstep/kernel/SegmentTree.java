package dev.lockstep.kernel;

import java.util.Arrays;

/**
 * The order in which the rows of a batch are added up to a gradient. The rows lie in segments, one for each logical
 * shard of a subtree [low, high) of the reduction tree, in the order of the shards. Each segment is summed from its first
 * row to its last; the sums are added pairwise along the tree, in which a node [low, high) of two and more shards has the
 * children [low, mid) and [mid, high) with mid = {@link #middle}. A segment without rows is left out: x + nothing = x.
 *
 * <p>Sums of segments never are -0.0 (kernels add +0.0 to them), therefore neither are sums of sums, and leaving out
 * is the same as adding +0.0, bit for bit. Filled anew for every step, by one thread.
 */
public final class SegmentTree {
    private final int low;
    private final int high;
    private final int[] rowEnd;

    /**
     * @param low first shard of the subtree
     * @param high one past its last shard
     */
    public SegmentTree(int low, int high) {
        if (low < 0 || high <= low) {
            throw new IllegalArgumentException("subtree [" + low + ", " + high + "): expected at least one shard");
        }
        this.low = low;
        this.high = high;
        this.rowEnd = new int[high - low];
    }

    /** Where the node [low, high) of the reduction tree is split. */
    public static int middle(int low, int high) {
        return (low + high) >>> 1;
    }

    /** First shard of the subtree. */
    public int low() {
        return low;
    }

    /** One past the last shard of the subtree. */
    public int high() {
        return high;
    }

    /** Number of segments. */
    public int segments() {
        return high - low;
    }

    /** One past the last row of segment {@code s}. */
    public int rowEnd(int s) {
        return rowEnd[s];
    }

    /** Rows of all segments. */
    public int rows() {
        return rowEnd[rowEnd.length - 1];
    }

    /** Sets one past the last row of segment {@code s}; segments are set in order, and never shrink. */
    public void endSegment(int s, int row) {
        rowEnd[s] = row;
    }

    /**
     * The sum of one number a row along this tree, 0 if there are no rows. Used for losses, which are added in the same
     * fixed order as gradients.
     */
    public double sum(RowValue values) {
        return rows() == 0 ? 0 : sum(0, segments(), values);
    }

    private double sum(int from, int to, RowValue values) {
        if (to - from == 1) {
            double sum = 0;
            for (int r = from == 0 ? 0 : rowEnd[from - 1]; r < rowEnd[from]; r++) {
                sum += values.at(r);
            }
            return sum;
        }
        int mid = middle(from + low, to + low) - low;
        return sum(from, mid, values) + sum(mid, to, values);
    }

    /** A number for each row. */
    @FunctionalInterface
    public interface RowValue {
        /** The number of row {@code row}. */
        double at(int row);
    }

    @Override
    public String toString() {
        return "[" + low + ", " + high + ") ending at rows " + Arrays.toString(rowEnd);
    }
}
