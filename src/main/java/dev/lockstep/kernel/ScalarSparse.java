package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The first layer of {@link ScalarKernels} by groups of columns, as in the vector kernels: four elements of a row share
 * one loop over the hidden units. The compiler makes vectors of loops over arrays and not of loops over buffers, so rows
 * of weights and of delta are copied to the heap first; the loops stand in {@link ScalarLoops}.
 *
 * <p>Where a row has no element in one of a group's columns, 0 w or 0 delta is added. What that can change is found out,
 * weights or deltas that are not finite and sums of -0.0 forward, and then {@link ExactAffine} or {@link ExactGradient}
 * computes it (backward, every sum becomes +0.0 in the end).
 */
final class ScalarSparse {
    private static final int COLUMNS = SparseBatch.COLUMNS;
    /** Hidden units that are computed at a time. */
    private static final int BLOCK = GradientRows.BLOCK;
    /** Floats of the sums of a group. */
    private static final int SUMS = GradientSum.SUMS;
    /** Entries that are added at a time. */
    private static final int AT_ONCE = ScalarLoops.ROWS_AT_ONCE;

    private ScalarSparse() {}

    /** {@link Kernels#sparseAffine}; returns whether the result is certain to be right, else compute it without groups. */
    static boolean affine(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        float[][] sums = x.rowScratch();
        float[][] weights = x.weightScratch();
        boolean certain = true;
        for (int h = 0; h < w.stride(); h += BLOCK) {
            int width = Math.min(BLOCK, w.stride() - h);
            for (int r = 0; r < x.rows(); r++) {
                bias.buffer().get(h, sums[r], 0, width);
            }
            int units = Math.min(BLOCK, columns - h);
            get(x, w, h, width, weights);
            for (int r = 0; r < x.rows(); r++) {
                addGroups(x, r, weights, units, sums[r]);
            }
            certain &= isCertain(sums, x.rows(), weights[0], w, bias, h, units);
            for (int r = 0; r < x.rows(); r++) {
                out.data().buffer().put(r * out.stride() + h, sums[r], 0, width);
            }
        }
        return certain;
    }

    /** Copies the weights of all groups that a row has. */
    private static void get(SparseBatch x, FloatMatrix w, int h, int width, float[][] weights) {
        for (int g = 0; g < x.groups(); g++) {
            if (x.begins()[g] < x.ends()[g]) { // a third of W is not read
                get(w, g, h, width, weights[g]);
            }
        }
    }

    /** Adds row r to its sums, three groups at a time: each time the sums are read and written, and the loop begun and ended. */
    private static void addGroups(SparseBatch x, int r, float[][] weights, int units, float[] sums) {
        int[] groupOf = x.groupOf();
        float[] values = x.values();
        int end = x.rowEnd(r);
        int b = x.rowBegin(r);
        for (; b + 3 <= end; b += 3) {
            ScalarLoops.addColumns(
                    weights[groupOf[b]],
                    weights[groupOf[b + 1]],
                    weights[groupOf[b + 2]],
                    values,
                    b * COLUMNS,
                    units,
                    sums);
        }
        if (b + 2 == end) {
            ScalarLoops.addColumns(weights[groupOf[b]], weights[groupOf[b + 1]], values, b * COLUMNS, units, sums);
        } else if (b < end) {
            ScalarLoops.addColumns(weights[groupOf[b]], values, b * COLUMNS, units, sums);
        }
    }

    /**
     * Whether no sum is NaN, and zero only where there is neither a bias nor a weight. 0 times infinity makes a sum NaN for good;
     * an infinite one had no such product, and adding 0 left it as it is.
     *
     * @param least scratch for the smallest magnitude of each column, where NaN stays NaN
     */
    private static boolean isCertain(
            float[][] sums, int rows, float[] least, FloatMatrix w, FloatArray bias, int h, int units) {
        Arrays.fill(least, 0, units, Float.MAX_VALUE);
        for (int r = 0; r < rows; r++) {
            ScalarLoops.lower(least, sums[r], units);
        }
        boolean certain = true;
        int i = 0;
        while (i < units && certain) {
            int from = i;
            while (i < units && !(least[i] > 0f)) {
                i++;
            }
            certain = i == from || !hasWeights(w, bias, h + from, h + i);
            i++;
        }
        return certain;
    }

    /**
     * Whether there is a bias or a weight for the hidden units from {@code from} to {@code to} - 1. Row by row, since the
     * padding is a run of units without any and lies in one cache line of each row: 4 us for 14 of 64, and 9 unit by unit.
     */
    private static boolean hasWeights(FloatMatrix w, FloatArray bias, int from, int to) {
        FloatBuffer biases = bias.buffer();
        FloatBuffer weights = w.data().buffer();
        int bits = 0;
        for (int h = from; h < to; h++) {
            bits |= Float.floatToRawIntBits(biases.get(h));
        }
        for (int row = 0; row < weights.capacity() && bits == 0; row += w.stride()) {
            for (int i = row + from; i < row + to; i++) {
                bits |= Float.floatToRawIntBits(weights.get(i));
            }
        }
        return bits != 0;
    }

    /** {@link Kernels#sparseGradient}. */
    static void gradient(GradientSum sum, int fromGroup, int toGroup, SumScratch scratch) {
        boolean isFinite = sum.isFinite();
        int stride = sum.run(0).hiddenDelta().stride();
        for (int g = fromGroup; g < toGroup; g++) {
            if (sum.isWhole() && !sum.hasEntries(g)) {
                ExactGradient.zero(sum, g);
            } else if (isFinite) {
                for (int h = 0; h < stride; h += BLOCK) {
                    block(sum, g, h, Math.min(BLOCK, stride - h), scratch.sums());
                }
            } else {
                ExactGradient.group(sum, g, scratch.stack());
            }
        }
    }

    /**
     * Computes {@code width} columns of the gradient by a group's weights, from column h on. To sums to which nothing has been
     * added, which are zero, nothing is done.
     */
    private static void block(GradientSum sum, int g, int h, int width, float[][] sums) {
        for (int d = 0; d < sum.depthBefore(); d++) {
            get(sum.waiting(d).w1(), g, h, width, sums[d]);
        }
        int depth = sum.depthBefore(); // of the stack of sums
        long present = (1L << depth) - 1; // bit d: something has been added to sum d
        boolean[] begins = sum.begins();
        int[] mergesOf = sum.merges();
        Gradient[] outs = sum.out();
        int[] rowEnd = sum.rowEnd();
        int op = 0;
        for (int r = 0; r < sum.runs(); r++) {
            GradientRows run = sum.rowsOfRun(r);
            SparseBatch x = run.x();
            int e = x.begins()[g];
            int to = x.ends()[g];
            for (int opsEnd = sum.opsEnd(r); op < opsEnd; op++) {
                depth += begins[op] ? 1 : 0;
                if (e < to && x.rowOf(e) < rowEnd[op]) {
                    present = begin(sums, depth - 1, present);
                    e = segment(x, e, to, rowEnd[op], run.blocks(), run.block(h), run.units() - h, sums[depth - 1]);
                }
                for (int merges = mergesOf[op]; merges > 0; merges--) {
                    depth--;
                    present = merge(sums, depth, present);
                }
                if (outs[op] != null) {
                    begin(sums, 0, present);
                    ScalarLoops.plusZero(sums[0]);
                    put(sums[0], g, h, width, outs[op].w1());
                    depth = 0;
                    present = 0;
                }
            }
        }
        for (int d = 0; d < depth; d++) {
            present = begin(sums, d, present);
            put(sums[d], g, h, width, sum.waiting(d).w1());
        }
    }

    /** Sees to it that sum d is there; returns which are there now. */
    private static long begin(float[][] sums, int d, long present) {
        if ((present >>> d & 1) == 0) {
            System.arraycopy(GradientSum.ZEROS, 0, sums[d], 0, SUMS);
        }
        return present | 1L << d;
    }

    /** Adds the sum at {@code depth} to the one before it; returns which are there now. */
    private static long merge(float[][] sums, int depth, long present) {
        if ((present >>> depth & 1) == 0) {
            return present;
        }
        if ((present >>> depth - 1 & 1) == 0) {
            System.arraycopy(sums[depth], 0, sums[depth - 1], 0, SUMS);
        } else {
            ScalarLoops.addSum(sums[depth], sums[depth - 1]);
        }
        return present & ~(1L << depth) | 1L << depth - 1;
    }

    /** Copies {@code width} columns of a group's rows to s; rows that the last group lacks are zero. */
    private static void get(FloatMatrix from, int g, int h, int width, float[] s) {
        FloatBuffer source = from.data().buffer();
        int begin = COLUMNS * g;
        int end = Math.min(begin + COLUMNS, from.rows());
        Arrays.fill(s, (end - begin) * BLOCK, SUMS, 0f);
        if (from.stride() == BLOCK) {
            source.get(begin * BLOCK, s, 0, (end - begin) * BLOCK);
            return;
        }
        for (int c = begin; c < end; c++) {
            source.get(c * from.stride() + h, s, (c - begin) * BLOCK, width);
        }
    }

    private static void put(float[] s, int g, int h, int width, FloatMatrix to) {
        FloatBuffer target = to.data().buffer();
        int begin = COLUMNS * g;
        int end = Math.min(begin + COLUMNS, to.rows());
        if (to.stride() == BLOCK) {
            target.put(begin * BLOCK, s, 0, (end - begin) * BLOCK);
            return;
        }
        for (int c = begin; c < end; c++) {
            target.put(c * to.stride() + h, s, (c - begin) * BLOCK, width);
        }
    }

    /** Adds the entries of one segment, whose rows end before {@code rowEnd}, to a sum of so many units; returns the first entry after it. */
    private static int segment(
            SparseBatch x, int from, int to, int rowEnd, float[][] deltas, int d, int units, float[] s) {
        float[] values = x.entryValues();
        int end = from;
        while (end < to && x.rowOf(end) < rowEnd) {
            end++;
        }
        int e = from;
        for (; e + AT_ONCE <= end; e += AT_ONCE) {
            ScalarLoops.addRows(
                    deltas[d + x.rowOf(e)],
                    deltas[d + x.rowOf(e + 1)],
                    deltas[d + x.rowOf(e + 2)],
                    deltas[d + x.rowOf(e + 3)],
                    values,
                    e * COLUMNS,
                    units,
                    s);
        }
        switch (end - e) {
            case 3 ->
                ScalarLoops.addRows(
                        deltas[d + x.rowOf(e)],
                        deltas[d + x.rowOf(e + 1)],
                        deltas[d + x.rowOf(e + 2)],
                        values,
                        e * COLUMNS,
                        units,
                        s);
            case 2 ->
                ScalarLoops.addRows(deltas[d + x.rowOf(e)], deltas[d + x.rowOf(e + 1)], values, e * COLUMNS, units, s);
            case 1 -> ScalarLoops.addRow(deltas[d + x.rowOf(e)], values, e * COLUMNS, units, s);
            default -> {}
        }
        return end;
    }
}
