package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.SPECIES;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.bytes;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link Kernels#sparseGradient} by groups of columns: a row of delta is read once for the elements that a row of x has
 * in four columns, whose sums are in registers. The loop over a group's entries in a segment is four times as long as
 * one over those of a column, so the branch that ends it is mispredicted a quarter as often (50 rows of MNIST in 4
 * segments, 64 hidden units: 31 us, and 75 us column by column).
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
    /** What sums are added to where there is none: adding to -0.0 changes nothing, and needs no branch. */
    private static final float[] NOTHING = negativeZeros();
    /** No row: it comes after all. */
    private static final int NONE = Integer.MAX_VALUE;

    private VectorSparseGradient() {}

    private static float[] negativeZeros() {
        float[] zeros = new float[SUMS];
        Arrays.fill(zeros, -0f);
        return zeros;
    }

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
        boolean[] begins = sum.begins();
        int[] rowEnd = sum.rowEnd();
        int[] mergesOf = sum.merges();
        Gradient[] outs = sum.out();
        int op = 0;
        for (int r = 0; r < sum.runs(); r++) {
            GradientRows run = sum.rowsOfRun(r);
            SparseBatch x = run.x();
            int[] rows = x.entryRows();
            float[] deltas = run.packed();
            int d = run.block(h) + h % GradientRows.BLOCK;
            int e = x.start()[g];
            int to = x.start()[g + 1];
            int next = e < to ? rows[e] : NONE;
            for (int opsEnd = sum.opsEnd(r); op < opsEnd; op++) {
                depth += begins[op] ? 1 : 0;
                int merges = mergesOf[op];
                int end = rowEnd[op];
                if (next < end) {
                    boolean isNew = (present >>> depth - 1 & 1) == 0;
                    boolean isRight = merges > 0 && (present >>> depth - 2 & 1) != 0;
                    int top = (depth - 1) * SUMS;
                    int at = isRight ? top - SUMS : top;
                    float[] before = isNew ? ZEROS : sums;
                    int b = isNew ? 0 : top;
                    float[] left = isRight ? sums : NOTHING;
                    int l = isRight ? at : 0;
                    e = vectors == 4
                            ? segment4(x, e, to, end, deltas, d, before, b, left, l, sums, at)
                            : segment1(x, e, to, end, deltas, d, before, b, left, l, sums, at);
                    next = e < to ? rows[e] : NONE;
                    depth -= isRight ? 1 : 0;
                    merges -= isRight ? 1 : 0;
                    present = present & (1L << depth) - 1 | 1L << depth - 1;
                }
                for (; merges > 0; merges--) {
                    depth--;
                    present = merge(sums, depth, present);
                }
                if (outs[op] != null) {
                    put(present == 0 ? ZEROS : sums, 0, g, h, vectors, 0f, outs[op].w1());
                    depth = 0;
                    present = 0;
                }
            }
        }
        putWaiting(sum, g, h, vectors, sums, present);
    }

    /** @param present bit d: sum d is there; else it is zero */
    private static void putWaiting(GradientSum sum, int g, int h, int vectors, float[] sums, long present) {
        for (int d = 0; d < sum.depthAfter(); d++) {
            boolean isThere = (present >>> d & 1) != 0;
            float[] from = isThere ? sums : ZEROS;
            put(from, isThere ? d * SUMS : 0, g, h, vectors, -0f, sum.waiting(d).w1());
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
     * {@link FloatVector#fromArray} itself and not {@link VectorLanes#load}: C2 inlines nothing more in a method of so many nodes
     * but the methods of the vector API, and would allocate what a call returns.
     *
     * @param d where the deltas of row 0 begin in {@code deltas}
     * @param before sums to begin with, from {@code b} on
     * @param left sums to which those of the segment are added, from {@code l} on
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
            float[] left,
            int l,
            float[] sums,
            int at) {
        int[] rows = x.entryRows();
        int[] blocks = x.entryBlocks();
        float[] values = x.values();
        FloatVector s00 = FloatVector.fromArray(SPECIES, before, b);
        FloatVector s01 = FloatVector.fromArray(SPECIES, before, b + WIDTH);
        FloatVector s02 = FloatVector.fromArray(SPECIES, before, b + 2 * WIDTH);
        FloatVector s03 = FloatVector.fromArray(SPECIES, before, b + 3 * WIDTH);
        FloatVector s10 = FloatVector.fromArray(SPECIES, before, b + BLOCK);
        FloatVector s11 = FloatVector.fromArray(SPECIES, before, b + BLOCK + WIDTH);
        FloatVector s12 = FloatVector.fromArray(SPECIES, before, b + BLOCK + 2 * WIDTH);
        FloatVector s13 = FloatVector.fromArray(SPECIES, before, b + BLOCK + 3 * WIDTH);
        FloatVector s20 = FloatVector.fromArray(SPECIES, before, b + 2 * BLOCK);
        FloatVector s21 = FloatVector.fromArray(SPECIES, before, b + 2 * BLOCK + WIDTH);
        FloatVector s22 = FloatVector.fromArray(SPECIES, before, b + 2 * BLOCK + 2 * WIDTH);
        FloatVector s23 = FloatVector.fromArray(SPECIES, before, b + 2 * BLOCK + 3 * WIDTH);
        FloatVector s30 = FloatVector.fromArray(SPECIES, before, b + 3 * BLOCK);
        FloatVector s31 = FloatVector.fromArray(SPECIES, before, b + 3 * BLOCK + WIDTH);
        FloatVector s32 = FloatVector.fromArray(SPECIES, before, b + 3 * BLOCK + 2 * WIDTH);
        FloatVector s33 = FloatVector.fromArray(SPECIES, before, b + 3 * BLOCK + 3 * WIDTH);
        int e = from;
        for (; e < to && rows[e] < rowEnd; e++) {
            int i = d + rows[e] * GradientRows.BLOCK;
            int v = blocks[e];
            FloatVector d0 = FloatVector.fromArray(SPECIES, deltas, i);
            FloatVector d1 = FloatVector.fromArray(SPECIES, deltas, i + WIDTH);
            FloatVector d2 = FloatVector.fromArray(SPECIES, deltas, i + 2 * WIDTH);
            FloatVector d3 = FloatVector.fromArray(SPECIES, deltas, i + 3 * WIDTH);
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
        FloatVector.fromArray(SPECIES, left, l).add(s00).intoArray(sums, at);
        FloatVector.fromArray(SPECIES, left, l + WIDTH).add(s01).intoArray(sums, at + WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 2 * WIDTH).add(s02).intoArray(sums, at + 2 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 3 * WIDTH).add(s03).intoArray(sums, at + 3 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + BLOCK).add(s10).intoArray(sums, at + BLOCK);
        FloatVector.fromArray(SPECIES, left, l + BLOCK + WIDTH).add(s11).intoArray(sums, at + BLOCK + WIDTH);
        FloatVector.fromArray(SPECIES, left, l + BLOCK + 2 * WIDTH).add(s12).intoArray(sums, at + BLOCK + 2 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + BLOCK + 3 * WIDTH).add(s13).intoArray(sums, at + BLOCK + 3 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 2 * BLOCK).add(s20).intoArray(sums, at + 2 * BLOCK);
        FloatVector.fromArray(SPECIES, left, l + 2 * BLOCK + WIDTH).add(s21).intoArray(sums, at + 2 * BLOCK + WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 2 * BLOCK + 2 * WIDTH)
                .add(s22)
                .intoArray(sums, at + 2 * BLOCK + 2 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 2 * BLOCK + 3 * WIDTH)
                .add(s23)
                .intoArray(sums, at + 2 * BLOCK + 3 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 3 * BLOCK).add(s30).intoArray(sums, at + 3 * BLOCK);
        FloatVector.fromArray(SPECIES, left, l + 3 * BLOCK + WIDTH).add(s31).intoArray(sums, at + 3 * BLOCK + WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 3 * BLOCK + 2 * WIDTH)
                .add(s32)
                .intoArray(sums, at + 3 * BLOCK + 2 * WIDTH);
        FloatVector.fromArray(SPECIES, left, l + 3 * BLOCK + 3 * WIDTH)
                .add(s33)
                .intoArray(sums, at + 3 * BLOCK + 3 * WIDTH);
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
            float[] left,
            int l,
            float[] sums,
            int at) {
        int[] rows = x.entryRows();
        int[] blocks = x.entryBlocks();
        float[] values = x.values();
        FloatVector s0 = FloatVector.fromArray(SPECIES, before, b);
        FloatVector s1 = FloatVector.fromArray(SPECIES, before, b + BLOCK);
        FloatVector s2 = FloatVector.fromArray(SPECIES, before, b + 2 * BLOCK);
        FloatVector s3 = FloatVector.fromArray(SPECIES, before, b + 3 * BLOCK);
        int e = from;
        for (; e < to && rows[e] < rowEnd; e++) {
            FloatVector d0 = FloatVector.fromArray(SPECIES, deltas, d + rows[e] * GradientRows.BLOCK);
            int v = blocks[e];
            s0 = d0.fma(all(values[v]), s0);
            s1 = d0.fma(all(values[v + 1]), s1);
            s2 = d0.fma(all(values[v + 2]), s2);
            s3 = d0.fma(all(values[v + 3]), s3);
        }
        FloatVector.fromArray(SPECIES, left, l).add(s0).intoArray(sums, at);
        FloatVector.fromArray(SPECIES, left, l + BLOCK).add(s1).intoArray(sums, at + BLOCK);
        FloatVector.fromArray(SPECIES, left, l + 2 * BLOCK).add(s2).intoArray(sums, at + 2 * BLOCK);
        FloatVector.fromArray(SPECIES, left, l + 3 * BLOCK).add(s3).intoArray(sums, at + 3 * BLOCK);
        return e;
    }
}
