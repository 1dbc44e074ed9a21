package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The first layer of {@link ScalarKernels} by groups of columns, as in the vector kernels: four elements of a row share
 * one loop over the hidden units. The compiler makes vectors of loops over arrays and not of loops over buffers, so rows
 * of weights and of delta are copied to scratch on the heap first. Small methods with one loop each: in larger ones it
 * gives up.
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
    private static final int SUMS = COLUMNS * BLOCK;
    /** Entries that are added at a time. */
    static final int AT_ONCE = 3;

    private ScalarSparse() {}

    /** {@link Kernels#sparseAffine}; returns whether the result is certain to be right, else compute it without groups. */
    static boolean affine(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        x.index();
        float[][] sums = x.rowScratch();
        float[] weights = x.weightScratch();
        boolean certain = true;
        for (int h = 0; h < w.stride(); h += BLOCK) {
            int width = Math.min(BLOCK, w.stride() - h);
            for (int r = 0; r < x.rows(); r++) {
                bias.buffer().get(h, sums[r], 0, width);
            }
            int units = Math.min(BLOCK, columns - h);
            addGroups(x, w, h, width, units, weights, sums);
            certain &= isCertain(sums, x.rows(), weights, w, bias, h, units);
            for (int r = 0; r < x.rows(); r++) {
                out.data().buffer().put(r * out.stride() + h, sums[r], 0, width);
            }
        }
        return certain;
    }

    private static void addGroups(
            SparseBatch x, FloatMatrix w, int h, int width, int units, float[] weights, float[][] sums) {
        int[] start = x.start();
        int[] rows = x.entryRows();
        float[] values = x.entryValues();
        int e = 0;
        for (int g = 0; g < x.groups(); g++) {
            int end = start[g + 1];
            if (e < end) {
                get(w, g, h, width, weights);
            }
            for (; e < end; e++) {
                addRow(weights, values, e * COLUMNS, units, sums[rows[e]]);
            }
        }
    }

    private static void addRow(float[] w, float[] values, int b, int units, float[] sums) {
        float v0 = values[b];
        float v1 = values[b + 1];
        float v2 = values[b + 2];
        float v3 = values[b + 3];
        for (int h = 0; h < units; h++) {
            sums[h] = Math.fma(
                    v3,
                    w[h + 3 * BLOCK],
                    Math.fma(v2, w[h + 2 * BLOCK], Math.fma(v1, w[h + BLOCK], Math.fma(v0, w[h], sums[h]))));
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
            lower(least, sums[r], units);
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

    private static void lower(float[] least, float[] row, int units) {
        for (int i = 0; i < units; i++) {
            least[i] = Math.min(least[i], Math.abs(row[i]));
        }
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
            int[] rows = x.entryRows();
            int e = x.start()[g];
            int to = x.start()[g + 1];
            for (int opsEnd = sum.opsEnd(r); op < opsEnd; op++) {
                depth += begins[op] ? 1 : 0;
                if (e < to && rows[e] < rowEnd[op]) {
                    present = begin(sums, depth - 1, present);
                    e = segment(x, e, to, rowEnd[op], run.packed(), run.block(h), sums[depth - 1]);
                }
                for (int merges = mergesOf[op]; merges > 0; merges--) {
                    depth--;
                    present = merge(sums, depth, present);
                }
                if (outs[op] != null) {
                    begin(sums, 0, present);
                    plusZero(sums[0]);
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
            Arrays.fill(sums[d], 0, SUMS, 0f);
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
            add(sums[depth - 1], sums[depth]);
        }
        return present & ~(1L << depth) | 1L << depth - 1;
    }

    private static void add(float[] left, float[] right) {
        for (int i = 0; i < SUMS; i++) {
            left[i] += right[i];
        }
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

    /** Turns -0.0 into +0.0 and changes nothing else; see SegmentTree. */
    private static void plusZero(float[] sums) {
        for (int i = 0; i < SUMS; i++) {
            sums[i] += 0f;
        }
    }

    /**
     * Adds the entries of one segment, whose rows end before {@code rowEnd}, to a sum; returns the first entry after it. Three at
     * a time, whose deltas are copied behind the sum: C2 makes vectors of a loop over one array if the distances of what it
     * reads and writes are constants, and not of one that reads several and writes four columns.
     */
    private static int segment(SparseBatch x, int from, int to, int rowEnd, float[] deltas, int d, float[] s) {
        int[] rows = x.entryRows();
        float[] values = x.entryValues();
        int e = from;
        while (e < to && rows[e] < rowEnd) {
            int count = 0;
            while (count < AT_ONCE && e + count < to && rows[e + count] < rowEnd) {
                System.arraycopy(deltas, d + rows[e + count] * BLOCK, s, SUMS + count * BLOCK, BLOCK);
                count++;
            }
            add(count, values, e * COLUMNS, s);
            e += count;
        }
        return e;
    }

    /**
     * Adds to the four rows of a sum, which stand first in s, {@code count} rows that stand behind it, each times four values from
     * {@code v[b]} on.
     */
    static void add(int count, float[] v, int b, float[] s) {
        switch (count) {
            case AT_ONCE -> addThree(v, b, s);
            case 2 -> addTwo(v, b, s);
            default -> addOne(v, b, s);
        }
    }

    // All is read before anything is written, else C2 on JDK 17 makes no vectors of more than two columns. Of more than
    // three entries of four columns it makes none at all.

    private static void addOne(float[] v, int b, float[] s) {
        float b0 = v[b];
        float b1 = v[b + 1];
        float b2 = v[b + 2];
        float b3 = v[b + 3];
        for (int h = 0; h < BLOCK; h++) {
            float x = s[h + SUMS];
            float s0 = Math.fma(b0, x, s[h]);
            float s1 = Math.fma(b1, x, s[h + BLOCK]);
            float s2 = Math.fma(b2, x, s[h + 2 * BLOCK]);
            float s3 = Math.fma(b3, x, s[h + 3 * BLOCK]);
            s[h] = s0;
            s[h + BLOCK] = s1;
            s[h + 2 * BLOCK] = s2;
            s[h + 3 * BLOCK] = s3;
        }
    }

    private static void addTwo(float[] v, int b, float[] s) {
        float b0 = v[b];
        float b1 = v[b + 1];
        float b2 = v[b + 2];
        float b3 = v[b + 3];
        float c0 = v[b + 4];
        float c1 = v[b + 5];
        float c2 = v[b + 6];
        float c3 = v[b + 7];
        for (int h = 0; h < BLOCK; h++) {
            float x = s[h + SUMS];
            float y = s[h + SUMS + BLOCK];
            float s0 = Math.fma(c0, y, Math.fma(b0, x, s[h]));
            float s1 = Math.fma(c1, y, Math.fma(b1, x, s[h + BLOCK]));
            float s2 = Math.fma(c2, y, Math.fma(b2, x, s[h + 2 * BLOCK]));
            float s3 = Math.fma(c3, y, Math.fma(b3, x, s[h + 3 * BLOCK]));
            s[h] = s0;
            s[h + BLOCK] = s1;
            s[h + 2 * BLOCK] = s2;
            s[h + 3 * BLOCK] = s3;
        }
    }

    private static void addThree(float[] v, int b, float[] s) {
        float b0 = v[b];
        float b1 = v[b + 1];
        float b2 = v[b + 2];
        float b3 = v[b + 3];
        float c0 = v[b + 4];
        float c1 = v[b + 5];
        float c2 = v[b + 6];
        float c3 = v[b + 7];
        float d0 = v[b + 8];
        float d1 = v[b + 9];
        float d2 = v[b + 10];
        float d3 = v[b + 11];
        for (int h = 0; h < BLOCK; h++) {
            float x = s[h + SUMS];
            float y = s[h + SUMS + BLOCK];
            float z = s[h + SUMS + 2 * BLOCK];
            float s0 = Math.fma(d0, z, Math.fma(c0, y, Math.fma(b0, x, s[h])));
            float s1 = Math.fma(d1, z, Math.fma(c1, y, Math.fma(b1, x, s[h + BLOCK])));
            float s2 = Math.fma(d2, z, Math.fma(c2, y, Math.fma(b2, x, s[h + 2 * BLOCK])));
            float s3 = Math.fma(d3, z, Math.fma(c3, y, Math.fma(b3, x, s[h + 3 * BLOCK])));
            s[h] = s0;
            s[h + BLOCK] = s1;
            s[h + 2 * BLOCK] = s2;
            s[h + 3 * BLOCK] = s3;
        }
    }
}
