package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The second layer in plain loops: {@link Kernels#denseAffine} and {@link Kernels#hiddenDelta}. Weights and a row are copied to
 * scratch on the heap first, since an access to a buffer costs several to an array.
 */
final class ScalarDense {
    private static final int LANES = Kernels.LANES;
    /** Classes whose weights the scratch has room for beside a row. */
    private static final int CLASSES = LANES - 1;

    private static final int BLOCK = 8;

    private ScalarDense() {}

    static void affine(FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, float[] s, FloatMatrix out) {
        FloatBuffer result = out.data().buffer();
        int stride = z.stride();
        int row = CLASSES * stride;
        for (int first = 0; first < w2t.rows(); first += CLASSES) {
            int count = Math.min(CLASSES, w2t.rows() - first);
            w2t.data().buffer().get(first * stride, s, 0, count * stride);
            for (int r = 0; r < rows; r++) {
                z.data().buffer().get(r * stride, s, row, stride);
                for (int k = 0; k < count; k++) {
                    result.put(r * out.stride() + first + k, bias.get(first + k) + dot(s, row, k * stride, stride));
                }
            }
        }
        for (int r = 0; r < rows; r++) {
            for (int k = w2t.rows(); k < out.stride(); k++) {
                result.put(r * out.stride() + k, 0f);
            }
        }
    }

    /** The sum of s[x + i] s[w + i] in 16 chains, of which those at a distance of 8, of 4, of 2, of 1 are added. */
    private static float dot(float[] s, int x, int w, int length) {
        float low = half(s, x, w, length);
        return low + half(s, x + 1, w + 1, length);
    }

    /** The chains of even, or of odd lanes. */
    private static float half(float[] s, int x, int w, int length) {
        float s0 = 0f;
        float s2 = 0f;
        float s4 = 0f;
        float s6 = 0f;
        float s8 = 0f;
        float s10 = 0f;
        float s12 = 0f;
        float s14 = 0f;
        for (int i = 0; i < length; i += LANES) {
            s0 = Math.fma(s[x + i], s[w + i], s0);
            s2 = Math.fma(s[x + i + 2], s[w + i + 2], s2);
            s4 = Math.fma(s[x + i + 4], s[w + i + 4], s4);
            s6 = Math.fma(s[x + i + 6], s[w + i + 6], s6);
            s8 = Math.fma(s[x + i + 8], s[w + i + 8], s8);
            s10 = Math.fma(s[x + i + 10], s[w + i + 10], s10);
            s12 = Math.fma(s[x + i + 12], s[w + i + 12], s12);
            s14 = Math.fma(s[x + i + 14], s[w + i + 14], s14);
        }
        return ((s0 + s8) + (s4 + s12)) + ((s2 + s10) + (s6 + s14));
    }

    static void back(
            Activation activation,
            FloatMatrix delta,
            int rows,
            FloatMatrix w2t,
            FloatMatrix z,
            float[] s,
            FloatMatrix out) {
        int stride = z.stride();
        int row = CLASSES * stride;
        FloatBuffer result = out.data().buffer();
        FloatBuffer activations = z.data().buffer();
        for (int first = 0; first < w2t.rows(); first += CLASSES) {
            int count = Math.min(CLASSES, w2t.rows() - first);
            w2t.data().buffer().get(first * stride, s, 0, count * stride);
            for (int r = 0; r < rows; r++) {
                if (first == 0) {
                    Arrays.fill(s, row, row + stride, 0f);
                } else {
                    result.get(r * stride, s, row, stride);
                }
                for (int h = 0; h < stride; h += BLOCK) {
                    addClasses(delta.data().buffer(), r * delta.stride() + first, count, s, stride, h, row + h);
                }
                if (first + count == w2t.rows()) {
                    for (int h = 0; h < stride; h++) {
                        s[row + h] *= ScalarKernels.slope(activation, activations.get(r * stride + h));
                    }
                }
                result.put(r * stride, s, row, stride);
            }
        }
    }

    /** Eight sums of a row, kept in locals. */
    private static void addClasses(FloatBuffer d, int first, int count, float[] s, int stride, int h, int at) {
        float s0 = s[at];
        float s1 = s[at + 1];
        float s2 = s[at + 2];
        float s3 = s[at + 3];
        float s4 = s[at + 4];
        float s5 = s[at + 5];
        float s6 = s[at + 6];
        float s7 = s[at + 7];
        for (int k = 0; k < count; k++) {
            float v = d.get(first + k);
            int i = k * stride + h;
            s0 = Math.fma(v, s[i], s0);
            s1 = Math.fma(v, s[i + 1], s1);
            s2 = Math.fma(v, s[i + 2], s2);
            s3 = Math.fma(v, s[i + 3], s3);
            s4 = Math.fma(v, s[i + 4], s4);
            s5 = Math.fma(v, s[i + 5], s5);
            s6 = Math.fma(v, s[i + 6], s6);
            s7 = Math.fma(v, s[i + 7], s7);
        }
        s[at] = s0;
        s[at + 1] = s1;
        s[at + 2] = s2;
        s[at + 3] = s3;
        s[at + 4] = s4;
        s[at + 5] = s5;
        s[at + 6] = s6;
        s[at + 7] = s7;
    }
}
