package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.util.Arrays;

/**
 * {@link Kernels#denseGradient} in plain loops over scratch on the heap. Four rows of the result at a time, so that a row that is
 * added is copied there once for them, by the loops of {@link ScalarLoops}.
 */
final class ScalarTreeSum {
    /** Rows of the result that are computed at a time. */
    private static final int ROWS = SparseBatch.COLUMNS;

    private static final int BLOCK = GradientRows.BLOCK;
    /** Floats of the newest sum, which stands first in the scratch. */
    private static final int SUMS = GradientSum.SUMS;
    /** Where the factors of the rows stand that are added. */
    private static final int FACTORS = SUMS;
    /** Where the stack of sums begins. */
    private static final int STACK = 2 * SUMS;

    private ScalarTreeSum() {}

    static void apply(GradientSum sum, SumScratch scratch) {
        for (DenseTail tail : DenseTail.ALL) {
            int stride = tail.width(sum);
            for (int k = 0; k < tail.count(sum); k += ROWS) {
                for (int h = 0; h < stride; h += BLOCK) {
                    block(sum, tail, k, h, Math.min(BLOCK, stride - h), scratch.stack(), scratch.rows());
                }
            }
        }
    }

    /** Computes the rows of the result from k on, {@code width} columns of each from h on. */
    private static void block(GradientSum sum, DenseTail tail, int k, int h, int width, float[] s, float[][] added) {
        int count = Math.min(ROWS, tail.count(sum) - k);
        int stride = tail.width(sum);
        int at = k * stride + h;
        for (int d = 0; d < sum.depthBefore(); d++) {
            FloatArray waiting = tail.of(sum.waiting(d));
            for (int i = 0; i < count; i++) {
                waiting.buffer().get(at + i * stride, s, STACK + d * SUMS + i * BLOCK, width);
            }
        }
        int top = STACK + (sum.depthBefore() - 1) * SUMS; // of the newest sum
        for (int op = 0; op < sum.ops(); op++) {
            if (sum.begins(op)) {
                top += SUMS;
                Arrays.fill(s, 0, SUMS, 0f);
            } else {
                System.arraycopy(s, top, s, 0, SUMS);
            }
            FloatMatrix rows = tail.rows(sum.run(op));
            FloatMatrix factors = tail.factors(sum.run(op));
            for (int r = sum.rowBegin(op); r < sum.rowEnd(op); r += ScalarLoops.ROWS_AT_ONCE) {
                int more = Math.min(ScalarLoops.ROWS_AT_ONCE, sum.rowEnd(op) - r);
                for (int j = 0; j < more; j++) {
                    rows.data().buffer().get((r + j) * rows.stride() + h, added[j], 0, width);
                    factors(factors, r + j, k, count, s, FACTORS + j * ROWS);
                }
                ScalarLoops.addRows(more, added, s, FACTORS, width, s);
            }
            for (int merges = sum.merges(op); merges > 0; merges--) {
                top -= SUMS;
                System.arraycopy(s, top, s, SUMS, SUMS);
                addSum(s);
            }
            if (sum.out(op) != null) {
                put(s, count, width, tail.of(sum.out(op)), at, stride);
                top = STACK - SUMS;
            } else {
                System.arraycopy(s, 0, s, top, SUMS);
            }
        }
        for (int d = 0; d < sum.depthAfter(); d++) {
            FloatArray waiting = tail.of(sum.waiting(d));
            for (int i = 0; i < count; i++) {
                waiting.buffer().put(at + i * stride, s, STACK + d * SUMS + i * BLOCK, width);
            }
        }
    }

    /** By what row r is multiplied for each row of the result; what stands there for those that are missing does not matter. */
    private static void factors(FloatMatrix factors, int r, int k, int count, float[] s, int at) {
        for (int i = 0; i < count; i++) {
            s[at + i] = factors == null ? 1f : factors.get(r, k + i);
        }
    }

    private static void addSum(float[] s) {
        for (int i = 0; i < SUMS; i++) {
            s[i] += s[i + SUMS];
        }
    }

    private static void put(float[] s, int count, int width, FloatArray out, int at, int stride) {
        ScalarLoops.plusZero(s);
        for (int i = 0; i < count; i++) {
            out.buffer().put(at + i * stride, s, i * BLOCK, width);
        }
    }
}
