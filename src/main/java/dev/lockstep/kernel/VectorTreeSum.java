package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.bytes;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import jdk.incubator.vector.FloatVector;

/**
 * {@link Kernels#denseGradient}. Sums are in registers while rows are added, and in scratch between operations: where two ways
 * through the code meet, JDK 17 would allocate a vector that is alive.
 */
final class VectorTreeSum {
    /** Where sums begin in their scratch. */
    private static final int FIRST = AlignedFloats.FIRST;

    private static final float[] ZEROS = new float[BLOCK];

    private VectorTreeSum() {}

    static void apply(GradientSum sum, float[] scratch) {
        for (DenseTail tail : DenseTail.ALL) {
            int stride = tail.width(sum);
            for (int k = 0; k < tail.count(sum); k++) {
                int vectors = 0;
                for (int h = 0; h < stride; h += vectors * WIDTH) {
                    vectors = h + BLOCK <= stride ? 4 : 1;
                    block(sum, tail, k, h, vectors, k * stride + h, scratch);
                }
            }
        }
    }

    /** @param o where the vectors stand in the result, in floats */
    private static void block(GradientSum sum, DenseTail tail, int k, int h, int vectors, int o, float[] sums) {
        for (int d = 0; d < sum.depthBefore(); d++) {
            tail.of(sum.waiting(d)).buffer().get(o, sums, FIRST + d * BLOCK, vectors * WIDTH);
        }
        int top = FIRST + (sum.depthBefore() - 1) * BLOCK; // of the newest sum
        for (int op = 0; op < sum.ops(); op++) {
            float[] before = sums;
            int at = top;
            if (sum.begins(op)) {
                top += BLOCK;
                before = ZEROS;
                at = 0;
            }
            GradientRows run = sum.run(op);
            if (vectors == 4) {
                rows4(tail.rows(run), tail.factors(run), k, h, sum.rowBegin(op), sum.rowEnd(op), before, at, sums, top);
            } else {
                rows1(tail.rows(run), tail.factors(run), k, h, sum.rowBegin(op), sum.rowEnd(op), before, at, sums, top);
            }
            for (int merges = sum.merges(op); merges > 0; merges--) {
                top -= BLOCK;
                for (int i = top; i < top + BLOCK; i += WIDTH) {
                    load(sums, i).add(load(sums, i + BLOCK)).intoArray(sums, i);
                }
            }
            if (sum.out(op) != null) {
                put(sums, vectors, tail.of(sum.out(op)), o);
                top = FIRST - BLOCK;
            }
        }
        for (int d = 0; d < sum.depthAfter(); d++) {
            tail.of(sum.waiting(d)).buffer().put(o, sums, FIRST + d * BLOCK, vectors * WIDTH);
        }
    }

    private static void put(float[] sums, int vectors, FloatArray to, int o) {
        ByteBuffer target = bytes(to);
        for (int v = 0; v < vectors; v++) {
            // Adding +0.0 turns -0.0 into +0.0 and changes nothing else; see SegmentTree.
            load(sums, FIRST + v * WIDTH).add(0f).intoByteBuffer(target, o * Float.BYTES + v * VECTOR_BYTES, ORDER);
        }
    }

    private static void rows4(
            FloatMatrix matrix,
            FloatMatrix factors,
            int k,
            int h,
            int from,
            int to,
            float[] before,
            int b,
            float[] sums,
            int at) {
        ByteBuffer m = bytes(matrix.data());
        FloatBuffer f = factors == null ? null : factors.data().buffer();
        int strideBytes = matrix.stride() * Float.BYTES;
        int factorStride = factors == null ? 0 : factors.stride();
        FloatVector s0 = load(before, b);
        FloatVector s1 = load(before, b + WIDTH);
        FloatVector s2 = load(before, b + 2 * WIDTH);
        FloatVector s3 = load(before, b + 3 * WIDTH);
        for (int r = from; r < to; r++) {
            FloatVector v = all(f == null ? 1f : f.get(r * factorStride + k));
            int i = r * strideBytes + h * Float.BYTES;
            s0 = load(m, i).fma(v, s0);
            s1 = load(m, i + VECTOR_BYTES).fma(v, s1);
            s2 = load(m, i + 2 * VECTOR_BYTES).fma(v, s2);
            s3 = load(m, i + 3 * VECTOR_BYTES).fma(v, s3);
        }
        s0.intoArray(sums, at);
        s1.intoArray(sums, at + WIDTH);
        s2.intoArray(sums, at + 2 * WIDTH);
        s3.intoArray(sums, at + 3 * WIDTH);
    }

    private static void rows1(
            FloatMatrix matrix,
            FloatMatrix factors,
            int k,
            int h,
            int from,
            int to,
            float[] before,
            int b,
            float[] sums,
            int at) {
        ByteBuffer m = bytes(matrix.data());
        FloatBuffer f = factors == null ? null : factors.data().buffer();
        int factorStride = factors == null ? 0 : factors.stride();
        FloatVector s = load(before, b);
        for (int r = from; r < to; r++) {
            FloatVector v = all(f == null ? 1f : f.get(r * factorStride + k));
            s = load(m, (r * matrix.stride() + h) * Float.BYTES).fma(v, s);
        }
        s.intoArray(sums, at);
    }
}
