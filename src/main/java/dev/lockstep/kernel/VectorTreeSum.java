package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.SPECIES;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.load;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import jdk.incubator.vector.FloatVector;

/** Sums of rows of a matrix along a {@link SegmentTree}, with factors or without, for one column of factors at a time. */
final class VectorTreeSum {
    private VectorTreeSum() {}

    /**
     * out[o ...] = sum along the tree over the entries e of value(e) m[row(e), :]. The row is rows[e], or e itself
     * without rows; the value is values[first + e step], or 1 without values.
     *
     * @param strideBytes from one row of m to the next, and length of the sum
     * @param o where the sum begins in {@code out}, in bytes
     */
    static void of(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            ByteBuffer m,
            int strideBytes,
            ByteBuffer out,
            int o) {
        int h = 0;
        if (from == to) {
            for (; h < strideBytes; h += VECTOR_BYTES) {
                FloatVector.zero(SPECIES).intoByteBuffer(out, o + h, ORDER);
            }
        }
        for (; h + BLOCK * Float.BYTES <= strideBytes; h += BLOCK * Float.BYTES) {
            treeSum4(tree, rows, values, first, step, from, to, m, strideBytes, h, out, o + h);
        }
        for (; h < strideBytes; h += VECTOR_BYTES) {
            treeSum1(tree, rows, values, first, step, from, to, m, strideBytes, h, out, o + h);
        }
    }

    /** The newest sum stays in registers, the ones that wait for their right sibling lie in the tree's scratch. */
    private static void treeSum4(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            ByteBuffer m,
            int strideBytes,
            int h,
            ByteBuffer out,
            int o) {
        float[] waiting = tree.partialSums();
        FloatVector s0 = FloatVector.zero(SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int e = from;
        int top = 0;
        for (int s = 0; s < tree.segments(); s++) {
            if (s > 0) {
                s0.intoArray(waiting, top);
                s1.intoArray(waiting, top + WIDTH);
                s2.intoArray(waiting, top + 2 * WIDTH);
                s3.intoArray(waiting, top + 3 * WIDTH);
                top += BLOCK;
                s0 = FloatVector.zero(SPECIES);
                s1 = s0;
                s2 = s0;
                s3 = s0;
            }
            int end = tree.rowEnd(s);
            for (; e < to; e++) {
                int row = rows == null ? e : rows.get(e);
                if (row >= end) {
                    break;
                }
                FloatVector v = all(values == null ? 1f : values.get(first + e * step));
                int i = row * strideBytes + h;
                s0 = load(m, i).fma(v, s0);
                s1 = load(m, i + VECTOR_BYTES).fma(v, s1);
                s2 = load(m, i + 2 * VECTOR_BYTES).fma(v, s2);
                s3 = load(m, i + 3 * VECTOR_BYTES).fma(v, s3);
            }
            // Adding +0.0 turns -0.0 into +0.0 and changes nothing else; see SegmentTree.
            s0 = s0.add(0f);
            s1 = s1.add(0f);
            s2 = s2.add(0f);
            s3 = s3.add(0f);
            for (int merges = tree.mergesAfter(s); merges > 0; merges--) {
                top -= BLOCK;
                s0 = s0.add(load(waiting, top));
                s1 = s1.add(load(waiting, top + WIDTH));
                s2 = s2.add(load(waiting, top + 2 * WIDTH));
                s3 = s3.add(load(waiting, top + 3 * WIDTH));
            }
        }
        s0.intoByteBuffer(out, o, ORDER);
        s1.intoByteBuffer(out, o + VECTOR_BYTES, ORDER);
        s2.intoByteBuffer(out, o + 2 * VECTOR_BYTES, ORDER);
        s3.intoByteBuffer(out, o + 3 * VECTOR_BYTES, ORDER);
    }

    private static void treeSum1(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            ByteBuffer m,
            int strideBytes,
            int h,
            ByteBuffer out,
            int o) {
        float[] waiting = tree.partialSums();
        FloatVector sum = FloatVector.zero(SPECIES);
        int e = from;
        int top = 0;
        for (int s = 0; s < tree.segments(); s++) {
            if (s > 0) {
                sum.intoArray(waiting, top);
                top += WIDTH;
                sum = FloatVector.zero(SPECIES);
            }
            int end = tree.rowEnd(s);
            for (; e < to; e++) {
                int row = rows == null ? e : rows.get(e);
                if (row >= end) {
                    break;
                }
                FloatVector v = all(values == null ? 1f : values.get(first + e * step));
                sum = load(m, row * strideBytes + h).fma(v, sum);
            }
            sum = sum.add(0f);
            for (int merges = tree.mergesAfter(s); merges > 0; merges--) {
                top -= WIDTH;
                sum = sum.add(load(waiting, top));
            }
        }
        sum.intoByteBuffer(out, o, ORDER);
    }
}
