package dev.lockstep.kernel;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** Sums of rows of a matrix along a {@link SegmentTree}, in plain loops: the twin of {@code VectorTreeSum}. */
final class ScalarTreeSum {
    private static final int BLOCK = 8;

    private ScalarTreeSum() {}

    /**
     * out[o ...] = sum along the tree over the entries e of value(e) m[row(e), :], eight columns at a time. The row is
     * rows[e], or e itself without rows; the value is values[first + e step], or 1 without values.
     */
    static void of(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            FloatBuffer m,
            int stride,
            FloatBuffer out,
            int o) {
        float[] waiting = tree.partialSums();
        for (int h = 0; h < stride; h += BLOCK) {
            int e = from;
            int depth = 0;
            long present = 0; // bit d: the d-th waiting sum has at least one row in it
            for (int s = 0; s < tree.segments(); s++) {
                int begin = e;
                e = segmentSum(rows, values, first, step, e, to, tree.rowEnd(s), m, stride, h, waiting, depth * BLOCK);
                present = e > begin ? present | 1L << depth : present & ~(1L << depth);
                depth++;
                for (int merges = tree.mergesAfter(s); merges > 0; merges--) {
                    depth--;
                    if ((present >>> depth & 1) != 0) {
                        merge(waiting, (depth - 1) * BLOCK, (present >>> (depth - 1) & 1) != 0);
                        present |= 1L << (depth - 1);
                    }
                }
            }
            for (int i = 0; i < BLOCK; i++) {
                out.put(o + h + i, (present & 1) == 0 ? 0f : waiting[i]);
            }
        }
    }

    private static void merge(float[] waiting, int left, boolean leftPresent) {
        for (int i = left; i < left + BLOCK; i++) {
            waiting[i] = leftPresent ? waiting[i] + waiting[i + BLOCK] : waiting[i + BLOCK];
        }
    }

    /** Sums the entries of one segment, whose rows end before {@code rowEnd}; returns the first entry after it. */
    private static int segmentSum(
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            int rowEnd,
            FloatBuffer m,
            int stride,
            int h,
            float[] sum,
            int at) {
        float s0 = 0f;
        float s1 = 0f;
        float s2 = 0f;
        float s3 = 0f;
        float s4 = 0f;
        float s5 = 0f;
        float s6 = 0f;
        float s7 = 0f;
        int e = from;
        for (; e < to; e++) {
            int row = rows == null ? e : rows.get(e);
            if (row >= rowEnd) {
                break;
            }
            float v = values == null ? 1f : values.get(first + e * step);
            int i = row * stride + h;
            s0 = Math.fma(v, m.get(i), s0);
            s1 = Math.fma(v, m.get(i + 1), s1);
            s2 = Math.fma(v, m.get(i + 2), s2);
            s3 = Math.fma(v, m.get(i + 3), s3);
            s4 = Math.fma(v, m.get(i + 4), s4);
            s5 = Math.fma(v, m.get(i + 5), s5);
            s6 = Math.fma(v, m.get(i + 6), s6);
            s7 = Math.fma(v, m.get(i + 7), s7);
        }
        // Adding +0.0 turns -0.0 into +0.0 and changes nothing else; see SegmentTree.
        sum[at] = s0 + 0f;
        sum[at + 1] = s1 + 0f;
        sum[at + 2] = s2 + 0f;
        sum[at + 3] = s3 + 0f;
        sum[at + 4] = s4 + 0f;
        sum[at + 5] = s5 + 0f;
        sum[at + 6] = s6 + 0f;
        sum[at + 7] = s7 + 0f;
        return e;
    }
}
