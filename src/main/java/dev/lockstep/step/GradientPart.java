package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.net.Parameters;

/**
 * The gradient of one node [low, high) of the reduction tree: what the examples of the mini-batch that lie in shards low
 * to high - 1 contribute. Owns its values.
 */
public final class GradientPart implements AutoCloseable {
    private final int low;
    private final int high;
    private final Parameters values;
    private int rows;
    private double lossSum;

    /**
     * @param low first shard
     * @param high one past the last shard
     * @param values room for the gradient, owned by this object from now on; null only for a part without rows that was
     *     read from the wire
     */
    GradientPart(int low, int high, Parameters values) {
        this.low = low;
        this.high = high;
        this.values = values;
    }

    /** First shard. */
    public int low() {
        return low;
    }

    /** One past the last shard. */
    public int high() {
        return high;
    }

    /** Examples of the mini-batch in these shards; without any, the values mean nothing. */
    public int rows() {
        return rows;
    }

    /** Sum of their losses. */
    public double lossSum() {
        return lossSum;
    }

    /** Their gradient, scaled by 1 / (examples of the whole mini-batch); good as long as this object is open. */
    public Parameters values() {
        return values;
    }

    void set(int newRows, double newLossSum) {
        rows = newRows;
        lossSum = newLossSum;
    }

    /** Adds another part, both of which have rows, to this one. */
    void add(GradientPart other, Kernels kernels) {
        kernels.add(other.values.all(), values.all());
        set(rows + other.rows, lossSum + other.lossSum);
    }

    @Override
    public void close() {
        if (values != null) {
            values.close();
        }
    }
}
