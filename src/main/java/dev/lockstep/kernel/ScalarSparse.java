package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The first layer of {@link ScalarKernels} by groups of columns, as in the vector kernels: four elements of a row share
 * one loop over the hidden units. The compiler makes vectors of loops over arrays and not of loops over buffers, so rows
 * of weights and of delta are copied to scratch on the heap first. Small methods with one loop each: in larger ones it
 * gives up. 50 rows of MNIST, 4 segments, 64 hidden units on JDK 17: 150 us forward and 155 us backward, against 336 and
 * 593 us element by element.
 *
 * <p>Where a row has no element in one of a group's columns, 0 w or 0 delta is added. What that can change is found out,
 * and then the caller computes all again without groups: weights or deltas that are not finite, and sums of -0.0 forward
 * (backward, every sum becomes +0.0 in the end).
 */
final class ScalarSparse {
    private static final int MAGNITUDE = 0x7fffffff;
    private static final int LARGEST_FINITE = 0x7f7fffff;
    private static final int COLUMNS = SparseBatch.COLUMNS;
    /** Hidden units that are computed at a time. */
    private static final int BLOCK = GradientRows.BLOCK;
    /** Floats of the sums of a group. */
    private static final int SUMS = COLUMNS * BLOCK;

    private ScalarSparse() {}

    /** {@link Kernels#sparseAffine}; returns whether the result is certain to be right, else compute it without groups. */
    static boolean affine(SparseBatch x, FloatMatrix w, FloatArray bias, FloatMatrix out) {
        x.index();
        float[] sums = x.scratch();
        float[] weights = x.weightScratch();
        boolean certain = true;
        for (int h = 0; h < w.stride(); h += BLOCK) {
            int width = Math.min(BLOCK, w.stride() - h);
            bias.buffer().get(h, sums, 0, width);
            for (int r = 1; r < x.rows(); r++) {
                System.arraycopy(sums, 0, sums, r * BLOCK, width);
            }
            addGroups(x, w, h, width, weights, sums);
            certain &= isCertain(sums, x.rows(), w, bias, h, width);
            for (int r = 0; r < x.rows(); r++) {
                out.data().buffer().put(r * out.stride() + h, sums, r * BLOCK, width);
            }
        }
        return certain;
    }

    private static void addGroups(SparseBatch x, FloatMatrix w, int h, int width, float[] weights, float[] sums) {
        FloatBuffer source = w.data().buffer();
        int[] start = x.start();
        int[] rows = x.entryRows();
        int[] blocks = x.entryBlocks();
        float[] values = x.values();
        int e = 0;
        for (int g = 0; g < x.groups(); g++) {
            int end = start[g + 1];
            if (e < end) {
                for (int c = 0; c < COLUMNS; c++) {
                    source.get(Math.min(COLUMNS * g + c, w.rows() - 1) * w.stride() + h, weights, c * BLOCK, width);
                }
            }
            for (; e < end; e++) {
                addRow(weights, values, blocks[e], sums, rows[e] * BLOCK, width);
            }
        }
    }

    private static void addRow(float[] w, float[] values, int b, float[] sums, int s, int width) {
        float v0 = values[b];
        float v1 = values[b + 1];
        float v2 = values[b + 2];
        float v3 = values[b + 3];
        for (int h = 0; h < width; h++) {
            sums[s + h] = Math.fma(
                    v3,
                    w[h + 3 * BLOCK],
                    Math.fma(v2, w[h + 2 * BLOCK], Math.fma(v1, w[h + BLOCK], Math.fma(v0, w[h], sums[s + h]))));
        }
    }

    /** Whether all sums are finite, and zero only where there is neither a bias nor a weight. */
    private static boolean isCertain(float[] sums, int rows, FloatMatrix w, FloatArray bias, int h, int width) {
        boolean certain = true;
        for (int i = 0; i < width && certain; i++) {
            int odd = 0;
            for (int s = i; s < rows * BLOCK; s += BLOCK) {
                int magnitude = Float.floatToRawIntBits(sums[s]) & MAGNITUDE;
                odd |= magnitude - 1 | LARGEST_FINITE - magnitude;
            }
            certain = odd >= 0 || !hasWeights(w, bias, h + i);
        }
        return certain;
    }

    private static boolean hasWeights(FloatMatrix w, FloatArray bias, int h) {
        FloatBuffer weights = w.data().buffer();
        int bits = Float.floatToRawIntBits(bias.get(h));
        for (int i = h; i < weights.capacity(); i += w.stride()) {
            bits |= Float.floatToRawIntBits(weights.get(i));
        }
        return bits != 0;
    }

    /** {@link Kernels#sparseGradient}. */
    static void gradient(GradientSum sum, int fromGroup, int toGroup, float[] scratch) {
        boolean isFinite = sum.isFinite();
        int stride = sum.run(0).hiddenDelta().stride();
        for (int g = fromGroup; g < toGroup; g++) {
            if (sum.isWhole() && !sum.hasEntries(g)) {
                ExactGradient.zero(sum, g);
            } else if (isFinite) {
                for (int h = 0; h < stride; h += BLOCK) {
                    block(sum, g, h, Math.min(BLOCK, stride - h), scratch);
                }
            } else {
                ExactGradient.group(sum, g, scratch);
            }
        }
    }

    /** Computes {@code width} columns of the gradient by a group's weights, from column h on. */
    private static void block(GradientSum sum, int g, int h, int width, float[] sums) {
        for (int d = 0; d < sum.depthBefore(); d++) {
            FloatMatrix from = sum.waiting(d).w1();
            int end = Math.min(COLUMNS * g + COLUMNS, from.rows());
            for (int c = COLUMNS * g, s = d * SUMS; c < end; c++, s += BLOCK) {
                from.data().buffer().get(c * from.stride() + h, sums, s, width);
            }
        }
        int top = (sum.depthBefore() - 1) * SUMS; // of the newest sum
        int e = 0;
        for (int op = 0; op < sum.ops(); op++) {
            GradientRows run = sum.run(op);
            SparseBatch x = run.x();
            if (sum.isNewRun(op)) {
                e = x.start()[g];
            }
            if (sum.begins(op)) {
                top += SUMS;
                Arrays.fill(sums, top, top + SUMS, 0f);
            }
            e = segment(x, e, x.start()[g + 1], sum.rowEnd(op), run.packed(), run.block(h), sums, top, width);
            for (int merges = sum.merges(op); merges > 0; merges--) {
                top -= SUMS;
                merge(sums, top);
            }
            Gradient out = sum.out(op);
            if (out != null) {
                plusZero(sums);
                put(sums, 0, g, h, width, out.w1());
                top = -SUMS;
            }
        }
        for (int d = 0; d < sum.depthAfter(); d++) {
            put(sums, d * SUMS, g, h, width, sum.waiting(d).w1());
        }
    }

    private static void put(float[] sums, int at, int g, int h, int width, FloatMatrix to) {
        FloatBuffer target = to.data().buffer();
        int end = Math.min(COLUMNS * g + COLUMNS, to.rows());
        for (int c = COLUMNS * g, s = at; c < end; c++, s += BLOCK) {
            target.put(c * to.stride() + h, sums, s, width);
        }
    }

    /** Turns -0.0 into +0.0 and changes nothing else; see SegmentTree. */
    private static void plusZero(float[] sums) {
        for (int i = 0; i < SUMS; i++) {
            sums[i] += 0f;
        }
    }

    private static void merge(float[] sums, int left) {
        for (int i = left; i < left + SUMS; i++) {
            sums[i] += sums[i + SUMS];
        }
    }

    /** Adds the entries of one segment, whose rows end before {@code rowEnd}; returns the first entry after it. */
    private static int segment(
            SparseBatch x, int from, int to, int rowEnd, float[] deltas, int d, float[] sums, int at, int width) {
        int[] rows = x.entryRows();
        int[] blocks = x.entryBlocks();
        float[] values = x.values();
        int e = from;
        while (e + 1 < to && rows[e + 1] < rowEnd) {
            int i = d + rows[e] * BLOCK;
            int j = d + rows[e + 1] * BLOCK;
            addDeltas(deltas, i, j, values, blocks[e], blocks[e + 1], sums, at, width);
            e += 2;
        }
        if (e < to && rows[e] < rowEnd) {
            addDelta(deltas, d + rows[e] * BLOCK, values, blocks[e], sums, at, width);
            e++;
        }
        return e;
    }

    private static void addDelta(float[] d, int i, float[] values, int b, float[] sums, int at, int width) {
        float v0 = values[b];
        float v1 = values[b + 1];
        float v2 = values[b + 2];
        float v3 = values[b + 3];
        for (int h = 0; h < width; h++) {
            sums[at + h] = Math.fma(v0, d[i + h], sums[at + h]);
            sums[at + h + BLOCK] = Math.fma(v1, d[i + h], sums[at + h + BLOCK]);
            sums[at + h + 2 * BLOCK] = Math.fma(v2, d[i + h], sums[at + h + 2 * BLOCK]);
            sums[at + h + 3 * BLOCK] = Math.fma(v3, d[i + h], sums[at + h + 3 * BLOCK]);
        }
    }

    private static void addDeltas(
            float[] d, int i, int j, float[] values, int b, int c, float[] sums, int at, int width) {
        float v0 = values[b];
        float v1 = values[b + 1];
        float v2 = values[b + 2];
        float v3 = values[b + 3];
        float u0 = values[c];
        float u1 = values[c + 1];
        float u2 = values[c + 2];
        float u3 = values[c + 3];
        for (int h = 0; h < width; h++) {
            float x = d[i + h];
            float y = d[j + h];
            sums[at + h] = Math.fma(u0, y, Math.fma(v0, x, sums[at + h]));
            sums[at + h + BLOCK] = Math.fma(u1, y, Math.fma(v1, x, sums[at + h + BLOCK]));
            sums[at + h + 2 * BLOCK] = Math.fma(u2, y, Math.fma(v2, x, sums[at + h + 2 * BLOCK]));
            sums[at + h + 3 * BLOCK] = Math.fma(u3, y, Math.fma(v3, x, sums[at + h + 3 * BLOCK]));
        }
    }
}
