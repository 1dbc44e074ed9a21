package dev.lockstep.kernel;

/**
 * Gradients as their contract says, one element at a time, by recursion over the shards: what sums in waves and runs must
 * agree with in every bit.
 */
final class PlainGradient {
    private PlainGradient() {}

    /** Into the arena's gradients. */
    static void add(KernelArena a) {
        if (a.shape.rows() == 0) {
            return;
        }
        int firstRow = a.batch.rowBegin(a.shape.low());
        for (int c = 0; c < a.shape.inputs(); c++) {
            for (int h = 0; h < a.w1Gradient.stride(); h++) {
                int column = c;
                int at = h;
                a.w1Gradient.set(c, h, total(a.tree, (sum, r) -> {
                    float x = a.batch.pixels()[firstRow + r][column];
                    return x == 0f ? sum : Math.fma(x, a.delta.get(r, at), sum);
                }));
            }
        }
        for (int k = 0; k < a.w2tGradient.rows(); k++) {
            for (int h = 0; h < a.w2tGradient.stride(); h++) {
                int row = k;
                int at = h;
                a.w2tGradient.set(k, h, total(a.tree, (sum, r) -> Math.fma(a.scores.get(r, row), a.z.get(r, at), sum)));
            }
        }
        for (int h = 0; h < a.b1Gradient.length(); h++) {
            int at = h;
            a.b1Gradient.set(h, total(a.tree, (sum, r) -> sum + a.delta.get(r, at)));
        }
        for (int k = 0; k < a.b2Gradient.length(); k++) {
            int at = k;
            a.b2Gradient.set(k, total(a.tree, (sum, r) -> sum + a.scores.get(r, at)));
        }
    }

    /** Adds row {@code row} to the sum of a segment. */
    private interface RowStep {
        float add(float sum, int row);
    }

    private static float total(SegmentTree tree, RowStep step) {
        Float total = node(tree, tree.low(), tree.high(), step);
        return total == null ? 0f : total;
    }

    /** The sum of the shards [low, high), or null if they have no rows. */
    private static Float node(SegmentTree tree, int low, int high, RowStep step) {
        if (high - low == 1) {
            int shard = low - tree.low();
            int first = shard == 0 ? 0 : tree.rowEnd(shard - 1);
            float sum = 0f;
            for (int r = first; r < tree.rowEnd(shard); r++) {
                sum = step.add(sum, r);
            }
            return tree.rowEnd(shard) == first ? null : (Float) (sum + 0f);
        }
        int mid = (low + high) / 2;
        Float left = node(tree, low, mid, step);
        Float right = node(tree, mid, high, step);
        if (left == null || right == null) {
            return left == null ? right : left;
        }
        return (Float) (left + right);
    }
}
