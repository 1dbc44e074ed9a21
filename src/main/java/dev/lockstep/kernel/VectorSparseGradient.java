package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.bytes;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;

/**
 * {@link Kernels#sparseGradient} by groups of columns: a row of delta is read once for the elements that a row of x has
 * in four columns, whose sums are in registers. The loop over a group's entries in a segment is four times as long as
 * one over those of a column, so the branch that ends it is mispredicted a quarter as often (50 rows of MNIST in 4
 * segments, 64 hidden units: 33 us, and 75 us column by column).
 *
 * <p>Where a row has no element in one of a group's columns, 0 delta is added. That changes nothing as long as delta is
 * finite: a sum that is -0.0 may become +0.0, which every sum does in the end. If delta is not finite, {@link
 * ExactGradient} computes it.
 */
final class VectorSparseGradient {
    private static final int COLUMNS = SparseBatch.COLUMNS;
    /** Floats of the sums of a group. */
    private static final int SUMS = COLUMNS * BLOCK;
    /** What sums begin with: loading is as fast as setting to zero, and one loop serves both. */
    private static final float[] ZEROS = new float[SUMS];

    private VectorSparseGradient() {}

    static void apply(GradientSum sum, int fromGroup, int toGroup, float[] scratch) {
        boolean isFinite = sum.isFinite();
        for (int g = fromGroup; g < toGroup; g++) {
            if (sum.isWhole() && !sum.hasEntries(g)) {
                ExactGradient.zero(sum, g);
            } else if (isFinite) {
                group(sum, g, scratch);
            } else {
                ExactGradient.group(sum, g, scratch);
            }
        }
    }

    private static void group(GradientSum sum, int g, float[] scratch) {
        int stride = sum.run(0).hiddenDelta().stride();
        int vectors = 0;
        for (int h = 0; h < stride; h += vectors * WIDTH) {
            vectors = h + BLOCK <= stride ? 4 : 1;
            block(sum, g, h, vectors, scratch);
        }
    }

    /** Computes {@code vectors} vectors of the gradient by a group's weights, from column h on. */
    private static void block(GradientSum sum, int g, int h, int vectors, float[] sums) {
        for (int d = 0; d < sum.depthBefore(); d++) {
            take(sum.waiting(d).w1(), g, h, vectors, sums, d * SUMS);
        }
        int depth = sum.depthBefore(); // of the stack of sums
        long present = (1L << depth) - 1; // bit d: something has been added to sum d; else it is zero, and not there
        int e = 0;
        for (int op = 0; op < sum.ops(); op++) {
            GradientRows run = sum.run(op);
            SparseBatch x = run.x();
            if (sum.isNewRun(op)) {
                e = x.start()[g];
            }
            depth += sum.begins(op) ? 1 : 0;
            int to = x.start()[g + 1];
            if (e < to && x.entryRows()[e] < sum.rowEnd(op)) {
                int top = (depth - 1) * SUMS;
                int d = run.block(h) + h % GradientRows.BLOCK;
                boolean isNew = (present >>> depth - 1 & 1) == 0;
                float[] before = isNew ? ZEROS : sums;
                int b = isNew ? 0 : top;
                e = vectors == 4
                        ? segment4(x, e, to, sum.rowEnd(op), run.packed(), d, before, b, sums, top)
                        : segment1(x, e, to, sum.rowEnd(op), run.packed(), d, before, b, sums, top);
                present |= 1L << depth - 1;
            }
            for (int merges = sum.merges(op); merges > 0; merges--) {
                depth--;
                present = merge(sums, depth, present);
            }
            Gradient out = sum.out(op);
            if (out != null) {
                put(present == 0 ? ZEROS : sums, 0, g, h, vectors, 0f, out.w1());
                depth = 0;
                present = 0;
            }
        }
        for (int d = 0; d < depth; d++) {
            boolean isThere = (present >>> d & 1) != 0;
            put(
                    isThere ? sums : ZEROS,
                    isThere ? d * SUMS : 0,
                    g,
                    h,
                    vectors,
                    -0f,
                    sum.waiting(d).w1());
        }
    }

    /** Adds the sum at {@code depth} to the one before it; returns which are there now. */
    private static long merge(float[] sums, int depth, long present) {
        if ((present >>> depth & 1) == 0) {
            return present;
        }
        int right = depth * SUMS;
        if ((present >>> depth - 1 & 1) == 0) {
            System.arraycopy(sums, right, sums, right - SUMS, SUMS);
        } else {
            add(sums, right);
        }
        return present & ~(1L << depth) | 1L << depth - 1;
    }

    private static void add(float[] sums, int right) {
        for (int i = right; i < right + SUMS; i += WIDTH) {
            load(sums, i - SUMS).add(load(sums, i)).intoArray(sums, i - SUMS);
        }
    }

    private static void take(FloatMatrix from, int g, int h, int vectors, float[] sums, int at) {
        ByteBuffer source = bytes(from.data());
        int end = Math.min(COLUMNS * g + COLUMNS, from.rows());
        for (int c = COLUMNS * g, s = at; c < end; c++, s += BLOCK) {
            int i = (c * from.stride() + h) * Float.BYTES;
            for (int v = 0; v < vectors; v++) {
                load(source, i + v * VECTOR_BYTES).intoArray(sums, s + v * WIDTH);
            }
        }
    }

    /** @param zero +0.0 turns -0.0 into +0.0, see SegmentTree; -0.0 changes nothing */
    private static void put(float[] sums, int at, int g, int h, int vectors, float zero, FloatMatrix to) {
        ByteBuffer target = bytes(to.data());
        int end = Math.min(COLUMNS * g + COLUMNS, to.rows());
        for (int c = COLUMNS * g, s = at; c < end; c++, s += BLOCK) {
            int i = (c * to.stride() + h) * Float.BYTES;
            for (int v = 0; v < vectors; v++) {
                load(sums, s + v * WIDTH).add(zero).intoByteBuffer(target, i + v * VECTOR_BYTES, ORDER);
            }
        }
    }

    /**
     * Adds the entries of one segment, whose rows end before {@code rowEnd}; returns the first entry after it.
     *
     * @param d where the deltas of row 0 begin in {@code deltas}
     * @param before sums to begin with, from {@code b} on
     * @param sums receives the sums, from {@code at} on
     */
    private static int segment4(
            SparseBatch x,
            int from,
            int to,
            int rowEnd,
            float[] deltas,
            int d,
            float[] before,
            int b,
            float[] sums,
            int at) {
        int[] rows = x.entryRows();
        int[] blocks = x.entryBlocks();
        float[] values = x.values();
        FloatVector s00 = load(before, b);
        FloatVector s01 = load(before, b + WIDTH);
        FloatVector s02 = load(before, b + 2 * WIDTH);
        FloatVector s03 = load(before, b + 3 * WIDTH);
        FloatVector s10 = load(before, b + BLOCK);
        FloatVector s11 = load(before, b + BLOCK + WIDTH);
        FloatVector s12 = load(before, b + BLOCK + 2 * WIDTH);
        FloatVector s13 = load(before, b + BLOCK + 3 * WIDTH);
        FloatVector s20 = load(before, b + 2 * BLOCK);
        FloatVector s21 = load(before, b + 2 * BLOCK + WIDTH);
        FloatVector s22 = load(before, b + 2 * BLOCK + 2 * WIDTH);
        FloatVector s23 = load(before, b + 2 * BLOCK + 3 * WIDTH);
        FloatVector s30 = load(before, b + 3 * BLOCK);
        FloatVector s31 = load(before, b + 3 * BLOCK + WIDTH);
        FloatVector s32 = load(before, b + 3 * BLOCK + 2 * WIDTH);
        FloatVector s33 = load(before, b + 3 * BLOCK + 3 * WIDTH);
        int e = from;
        for (; e < to && rows[e] < rowEnd; e++) {
            int i = d + rows[e] * GradientRows.BLOCK;
            int v = blocks[e];
            FloatVector d0 = load(deltas, i);
            FloatVector d1 = load(deltas, i + WIDTH);
            FloatVector d2 = load(deltas, i + 2 * WIDTH);
            FloatVector d3 = load(deltas, i + 3 * WIDTH);
            FloatVector v0 = all(values[v]);
            s00 = d0.fma(v0, s00);
            s01 = d1.fma(v0, s01);
            s02 = d2.fma(v0, s02);
            s03 = d3.fma(v0, s03);
            FloatVector v1 = all(values[v + 1]);
            s10 = d0.fma(v1, s10);
            s11 = d1.fma(v1, s11);
            s12 = d2.fma(v1, s12);
            s13 = d3.fma(v1, s13);
            FloatVector v2 = all(values[v + 2]);
            s20 = d0.fma(v2, s20);
            s21 = d1.fma(v2, s21);
            s22 = d2.fma(v2, s22);
            s23 = d3.fma(v2, s23);
            FloatVector v3 = all(values[v + 3]);
            s30 = d0.fma(v3, s30);
            s31 = d1.fma(v3, s31);
            s32 = d2.fma(v3, s32);
            s33 = d3.fma(v3, s33);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + WIDTH);
        s02.intoArray(sums, at + 2 * WIDTH);
        s03.intoArray(sums, at + 3 * WIDTH);
        s10.intoArray(sums, at + BLOCK);
        s11.intoArray(sums, at + BLOCK + WIDTH);
        s12.intoArray(sums, at + BLOCK + 2 * WIDTH);
        s13.intoArray(sums, at + BLOCK + 3 * WIDTH);
        s20.intoArray(sums, at + 2 * BLOCK);
        s21.intoArray(sums, at + 2 * BLOCK + WIDTH);
        s22.intoArray(sums, at + 2 * BLOCK + 2 * WIDTH);
        s23.intoArray(sums, at + 2 * BLOCK + 3 * WIDTH);
        s30.intoArray(sums, at + 3 * BLOCK);
        s31.intoArray(sums, at + 3 * BLOCK + WIDTH);
        s32.intoArray(sums, at + 3 * BLOCK + 2 * WIDTH);
        s33.intoArray(sums, at + 3 * BLOCK + 3 * WIDTH);
        return e;
    }

    private static int segment1(
            SparseBatch x,
            int from,
            int to,
            int rowEnd,
            float[] deltas,
            int d,
            float[] before,
            int b,
            float[] sums,
            int at) {
        int[] rows = x.entryRows();
        int[] blocks = x.entryBlocks();
        float[] values = x.values();
        FloatVector s0 = load(before, b);
        FloatVector s1 = load(before, b + BLOCK);
        FloatVector s2 = load(before, b + 2 * BLOCK);
        FloatVector s3 = load(before, b + 3 * BLOCK);
        int e = from;
        for (; e < to && rows[e] < rowEnd; e++) {
            FloatVector d0 = load(deltas, d + rows[e] * GradientRows.BLOCK);
            int v = blocks[e];
            s0 = d0.fma(all(values[v]), s0);
            s1 = d0.fma(all(values[v + 1]), s1);
            s2 = d0.fma(all(values[v + 2]), s2);
            s3 = d0.fma(all(values[v + 3]), s3);
        }
        s0.intoArray(sums, at);
        s1.intoArray(sums, at + BLOCK);
        s2.intoArray(sums, at + 2 * BLOCK);
        s3.intoArray(sums, at + 3 * BLOCK);
        return e;
    }
}
