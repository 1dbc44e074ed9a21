package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import java.util.Arrays;

/** {@link Kernels#denseGradient} in plain loops over scratch on the heap. */
final class ScalarTreeSum {
    private static final int BLOCK = GradientRows.BLOCK;

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
            tail.of(sum.waiting(d)).buffer().get(o, sums, d * BLOCK, width);
        }
        int top = (sum.depthBefore() - 1) * BLOCK; // of the newest sum
        for (int op = 0; op < sum.ops(); op++) {
            if (sum.begins(op)) {
                top += BLOCK;
                Arrays.fill(sums, top, top + BLOCK, 0f);
            }
            FloatMatrix m = tail.rows(sum.run(op));
            FloatMatrix factors = tail.factors(sum.run(op));
            for (int r = sum.rowBegin(op); r < sum.rowEnd(op); r++) {
                float factor = factors == null ? 1f : factors.get(r, k);
                add(m.data().buffer(), r * m.stride() + h, factor, sums, top, width);
            }
            for (int merges = sum.merges(op); merges > 0; merges--) {
                top -= BLOCK;
                for (int i = top; i < top + width; i++) {
                    sums[i] += sums[i + BLOCK];
                }
            }
            if (sum.out(op) != null) {
                put(sums, width, tail.of(sum.out(op)), o);
                top = -BLOCK;
            }
        }
        for (int d = 0; d < sum.depthAfter(); d++) {
            tail.of(sum.waiting(d)).buffer().put(o, sums, d * BLOCK, width);
        }
    }

    private static void add(FloatBuffer m, int at, float factor, float[] sums, int top, int width) {
        for (int i = 0; i < width; i++) {
            sums[top + i] = Math.fma(factor, m.get(at + i), sums[top + i]);
        }
    }

    private static void put(float[] sums, int width, FloatArray out, int o) {
        for (int i = 0; i < width; i++) {
            sums[i] += 0f; // turns -0.0 into +0.0 and changes nothing else; see SegmentTree
        }
        out.buffer().put(o, sums, 0, width);
    }
}
