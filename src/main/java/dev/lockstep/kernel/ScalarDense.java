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

    // Of the pass back, which goes by blocks of hidden units: where things stand in the scratch, each BLOCK floats. The
    // compiler makes vectors of a loop over one array if the distances of what it reads and writes are constants.

    private static final int BLOCK = GradientRows.BLOCK;
    /** Classes that are added at a time; their weights stand first. */
    private static final int AT_ONCE = 5;
    /** The row's sums. */
    private static final int ROW = AT_ONCE * BLOCK;
    /** The row's activations. */
    private static final int Z = ROW + BLOCK;

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
        for (int h = 0; h < z.stride(); h += BLOCK) {
            int width = Math.min(BLOCK, z.stride() - h);
            int count = 0;
            for (int first = 0; first < w2t.rows(); first += count) {
                count = first + AT_ONCE <= w2t.rows() ? AT_ONCE : 1;
                for (int k = 0; k < count; k++) {
                    w2t.data().buffer().get((first + k) * w2t.stride() + h, s, k * BLOCK, width);
                }
                for (int r = 0; r < rows; r++) {
                    int at = r * out.stride() + h;
                    if (first == 0) {
                        Arrays.fill(s, ROW, ROW + BLOCK, 0f);
                    } else {
                        out.data().buffer().get(at, s, ROW, width);
                    }
                    addClasses(delta.data().buffer(), r * delta.stride() + first, count, s);
                    if (first + count == w2t.rows()) {
                        z.data().buffer().get(r * z.stride() + h, s, Z, width);
                        timesSlope(activation, s);
                    }
                    out.data().buffer().put(at, s, ROW, width);
                }
            }
        }
    }

    private static void addClasses(FloatBuffer d, int first, int count, float[] s) {
        if (count == AT_ONCE) {
            addFive(d.get(first), d.get(first + 1), d.get(first + 2), d.get(first + 3), d.get(first + 4), s);
        } else {
            addOne(d.get(first), s);
        }
    }

    private static void addFive(float v0, float v1, float v2, float v3, float v4, float[] s) {
        for (int h = 0; h < BLOCK; h++) {
            float sum = Math.fma(v1, s[h + BLOCK], Math.fma(v0, s[h], s[h + ROW]));
            s[h + ROW] =
                    Math.fma(v4, s[h + 4 * BLOCK], Math.fma(v3, s[h + 3 * BLOCK], Math.fma(v2, s[h + 2 * BLOCK], sum)));
        }
    }

    private static void addOne(float v, float[] s) {
        for (int h = 0; h < BLOCK; h++) {
            s[h + ROW] = Math.fma(v, s[h], s[h + ROW]);
        }
    }

    private static void timesSlope(Activation activation, float[] s) {
        if (activation == Activation.SIGMOID) { // a loop of its own, of which the compiler makes vectors
            for (int h = 0; h < BLOCK; h++) {
                s[h + ROW] *= s[h + Z] * (1f - s[h + Z]);
            }
        } else {
            for (int h = 0; h < BLOCK; h++) {
                s[h + ROW] *= ScalarKernels.slope(activation, s[h + Z]);
            }
        }
    }
}
