package dev.lockstep.step;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Shard;
import dev.lockstep.kernel.SparseBatch;
import java.util.Arrays;

/**
 * How many bytes orders and parts have: rows of W1 travel for pixels that are not zero in all examples concerned. In n
 * examples drawn at random a pixel that is not zero in a share p of all examples is not zero in any with probability exp(-n
 * p), so that the expected number of rows is the sum of 1 - exp(-n p) over the pixels.
 */
final class Traffic {
    /** Bytes of a worker below in an order, with one node and the name of a host such as executor-1023. */
    static final int ROUTE_BYTES = 40;

    private static final int ORDER_BYTES = FrameLayout.HEADER_BYTES + FrameLayout.NODE_BYTES + 20;

    private final double[] pixelShares;
    private final double rowBytes;
    private final double fixedBytes;

    private Traffic(double[] pixelShares, StepPlan plan) {
        this.pixelShares = pixelShares;
        this.rowBytes = plan.shape().hidden() * (double) Float.BYTES;
        this.fixedBytes = ParameterCodec.maxBytes(plan.shape()) - rowBytes * plan.shape().inputs();
    }

    /** Measures how often pixels occur in the training files, all of which are loaded. */
    static Traffic measure(StepPlan plan, ShardStore store) {
        int inputs = plan.shape().inputs();
        double[] counts = new double[inputs];
        int examples = 0;
        try (SparseBatch row = new SparseBatch(inputs, 1, store.maxGroups())) {
            for (int s = 0; s < plan.shards(); s++) {
                Shard shard = store.train(s);
                for (int i = 0; i < shard.examples(); i++) {
                    row.clear();
                    shard.copyRow(i, row);
                    for (int v = 0; v < row.blocks() * SparseBatch.COLUMNS; v++) {
                        if (row.values()[v] != 0f) {
                            counts[row.groupOf()[v / SparseBatch.COLUMNS] * SparseBatch.COLUMNS + v % SparseBatch.COLUMNS]++;
                        }
                    }
                    examples++;
                }
            }
        }
        double all = examples;
        return new Traffic(Arrays.stream(counts).map(count -> count / all).toArray(), plan);
    }

    private double rows(double examples) {
        double rows = 0;
        for (double share : pixelShares) {
            rows += 1 - Math.exp(-examples * share);
        }
        return rows;
    }

    /** The probability that a part of so many examples in the mean has any. */
    static double hasRows(double examples) {
        return 1 - Math.exp(-examples);
    }

    /** Bytes of the part of a node that has so many examples in the mean. */
    double partBytes(double examples) {
        return FrameLayout.GRADIENT_NODE_BYTES + hasRows(examples) * fixedBytes + rows(examples) * rowBytes;
    }

    /** Bytes of an order to a worker with nobody below, after a step with so many examples. */
    double weightBytes(double batchSize) {
        return ORDER_BYTES + fixedBytes + rows(batchSize) * rowBytes;
    }
}
