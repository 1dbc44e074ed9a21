package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.bytes;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;

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
    /** What a sum is to which nothing has been added. */
    private static final float[] ZEROS = new float[SUMS];
    /** No row: it comes after all. */
    private static final int NONE = Integer.MAX_VALUE;

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
                    boolean isRight = isNew && vectors == 4 && merges > 0 && (present >>> depth - 2 & 1) != 0;
                    int top = (depth - 1) * SUMS;
                    if (isRight) {
                        e = VectorSegments.addFour(x, e, to, end, deltas, d, sums, top - SUMS);
                    } else if (vectors < 4) {
                        e = VectorSegments.one(
                                x, e, to, end, deltas, d, isNew ? ZEROS : sums, isNew ? 0 : top, sums, top);
                    } else if (isNew) {
                        e = VectorSegments.four(x, e, to, end, deltas, d, sums, top);
                    } else {
                        e = VectorSegments.moreFour(x, e, to, end, deltas, d, sums, top);
                    }
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
        for (int i = right; i < right + SUMS; i += BLOCK) {
            int left = i - SUMS;
            load(sums, left).add(load(sums, i)).intoArray(sums, left);
            load(sums, left + WIDTH).add(load(sums, i + WIDTH)).intoArray(sums, left + WIDTH);
            load(sums, left + 2 * WIDTH).add(load(sums, i + 2 * WIDTH)).intoArray(sums, left + 2 * WIDTH);
            load(sums, left + 3 * WIDTH).add(load(sums, i + 3 * WIDTH)).intoArray(sums, left + 3 * WIDTH);
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
}
