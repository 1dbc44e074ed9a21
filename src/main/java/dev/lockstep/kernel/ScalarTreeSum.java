package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.util.Arrays;

/** {@link Kernels#denseGradient} in plain loops over scratch on the heap. */
final class ScalarTreeSum {
    private static final int BLOCK = GradientRows.BLOCK;
    /** Where the stack of sums begins in the scratch; before it stand the newest sum and what is added to it. */
    private static final int STACK = 2 * BLOCK;

    private ScalarTreeSum() {}

    static void apply(GradientSum sum, float[] scratch) {
        for (DenseTail tail : DenseTail.ALL) {
            int stride = tail.width(sum);
            for (int k = 0; k < tail.count(sum); k++) {
                for (int h = 0; h < stride; h += BLOCK) {
                    block(sum, tail, k, h, Math.min(BLOCK, stride - h), k * stride + h, scratch);
                }
            }
        }
    }

    /** @param o where the block stands in the result */
    private static void block(GradientSum sum, DenseTail tail, int k, int h, int width, int o, float[] sums) {
        for (int d = 0; d < sum.depthBefore(); d++) {
            tail.of(sum.waiting(d)).buffer().get(o, sums, STACK + d * BLOCK, width);
        }
        int top = STACK + (sum.depthBefore() - 1) * BLOCK; // of the newest sum
        for (int op = 0; op < sum.ops(); op++) {
            if (sum.begins(op)) {
                top += BLOCK;
                Arrays.fill(sums, 0, BLOCK, 0f);
            } else {
                System.arraycopy(sums, top, sums, 0, BLOCK);
            }
            FloatMatrix m = tail.rows(sum.run(op));
            FloatMatrix factors = tail.factors(sum.run(op));
            for (int r = sum.rowBegin(op); r < sum.rowEnd(op); r++) {
                float factor = factors == null ? 1f : factors.get(r, k);
                m.data().buffer().get(r * m.stride() + h, sums, BLOCK, width);
                add(factor, sums);
            }
            for (int merges = sum.merges(op); merges > 0; merges--) {
                top -= BLOCK;
                System.arraycopy(sums, top, sums, BLOCK, BLOCK);
                add(1f, sums);
            }
            if (sum.out(op) != null) {
                put(sums, width, tail.of(sum.out(op)), o);
                top = STACK - BLOCK;
            } else {
                System.arraycopy(sums, 0, sums, top, BLOCK);
            }
        }
        for (int d = 0; d < sum.depthAfter(); d++) {
            tail.of(sum.waiting(d)).buffer().put(o, sums, STACK + d * BLOCK, width);
        }
    }

    /** A product with 1 is exact: this adds, too. */
    private static void add(float factor, float[] sums) {
        for (int i = 0; i < BLOCK; i++) {
            sums[i] = Math.fma(factor, sums[i + BLOCK], sums[i]);
        }
    }

    private static void put(float[] sums, int width, FloatArray out, int o) {
        for (int i = 0; i < width; i++) {
            sums[i] += 0f; // turns -0.0 into +0.0 and changes nothing else; see SegmentTree
        }
        out.buffer().put(o, sums, 0, width);
    }
}
