package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.CharArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.IntArray;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * The kernels in plain Java: the reference that others are compared with, and the fallback where the vector API is
 * missing. Sums are kept in eight locals at a time, since a sum that is kept in memory costs a load and a store for each
 * addition (measured on JDK 17: 564 against 392 us for 15,000 rows of 64).
 */
public final class ScalarKernels implements Kernels {
    private static final int BLOCK = 8;

    /** byte / 255: a division takes longer than a look-up. */
    private static final float[] VALUE_OF_BYTE = valueOfByte();

    private static float[] valueOfByte() {
        float[] table = new float[256];
        for (int b = 0; b < table.length; b++) {
            table[b] = b / 255f;
        }
        return table;
    }

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void copyPixels(ByteArray from, int first, FloatArray to, int offset, int count) {
        copyPixels(from.buffer(), first, to.buffer(), offset, count);
    }

    static void copyPixels(ByteBuffer from, int first, FloatBuffer to, int offset, int count) {
        for (int i = 0; i < count; i++) {
            to.put(offset + i, VALUE_OF_BYTE[from.get(first + i) & 0xff]);
        }
    }

    @Override
    public void copyColumns(CharArray from, int first, IntArray to, int offset, int count) {
        copyColumns(from.buffer(), first, to.buffer(), offset, count);
    }

    static void copyColumns(CharBuffer from, int first, IntBuffer to, int offset, int count) {
        for (int i = 0; i < count; i++) {
            to.put(offset + i, from.get(first + i));
        }
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, FloatMatrix out) {
        if (x.rows() > 0 && x.hasGroups() && ScalarSparse.affine(x, w, bias, out)) {
            return;
        }
        IntBuffer rowStart = x.rowStart().buffer();
        IntBuffer columns = x.columns().buffer();
        FloatBuffer values = x.values().buffer();
        FloatBuffer weights = w.data().buffer();
        FloatBuffer biases = bias.buffer();
        FloatBuffer result = out.data().buffer();
        int stride = w.stride();
        for (int r = 0; r < x.rows(); r++) {
            int from = rowStart.get(r);
            int to = rowStart.get(r + 1);
            for (int h = 0; h < stride; h += BLOCK) {
                sparseDot(columns, values, from, to, weights, stride, h, biases, result, r * out.stride() + h);
            }
        }
    }

    private static void sparseDot(
            IntBuffer columns,
            FloatBuffer values,
            int from,
            int to,
            FloatBuffer weights,
            int stride,
            int h,
            FloatBuffer bias,
            FloatBuffer out,
            int o) {
        float s0 = bias.get(h);
        float s1 = bias.get(h + 1);
        float s2 = bias.get(h + 2);
        float s3 = bias.get(h + 3);
        float s4 = bias.get(h + 4);
        float s5 = bias.get(h + 5);
        float s6 = bias.get(h + 6);
        float s7 = bias.get(h + 7);
        for (int j = from; j < to; j++) {
            float v = values.get(j);
            int i = columns.get(j) * stride + h;
            s0 = Math.fma(v, weights.get(i), s0);
            s1 = Math.fma(v, weights.get(i + 1), s1);
            s2 = Math.fma(v, weights.get(i + 2), s2);
            s3 = Math.fma(v, weights.get(i + 3), s3);
            s4 = Math.fma(v, weights.get(i + 4), s4);
            s5 = Math.fma(v, weights.get(i + 5), s5);
            s6 = Math.fma(v, weights.get(i + 6), s6);
            s7 = Math.fma(v, weights.get(i + 7), s7);
        }
        out.put(o, s0);
        out.put(o + 1, s1);
        out.put(o + 2, s2);
        out.put(o + 3, s3);
        out.put(o + 4, s4);
        out.put(o + 5, s5);
        out.put(o + 6, s6);
        out.put(o + 7, s7);
    }

    @Override
    public void activate(Activation activation, FloatMatrix a, int rows, int columns) {
        FloatBuffer x = a.data().buffer();
        for (int r = 0; r < rows; r++) {
            int begin = r * a.stride();
            for (int i = begin; i < begin + columns; i++) {
                x.put(i, activate(activation, x.get(i)));
            }
            for (int i = begin + columns; i < begin + a.stride(); i++) {
                x.put(i, 0f);
            }
        }
    }

    private static float activate(Activation activation, float x) {
        return switch (activation) {
            case SIGMOID -> ElementaryFunctions.sigmoid(x);
            case TANH -> ElementaryFunctions.tanh(x);
            case RELU -> Math.max(x, 0f);
        };
    }

    private static float slope(Activation activation, float z) {
        return switch (activation) {
            case SIGMOID -> z * (1f - z);
            case TANH -> Math.fma(-z, z, 1f);
            case RELU -> z > 0f ? 1f : 0f;
        };
    }

    @Override
    public void denseAffine(FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, FloatMatrix out) {
        FloatBuffer x = z.data().buffer();
        FloatBuffer w = w2t.data().buffer();
        FloatBuffer b = bias.buffer();
        FloatBuffer result = out.data().buffer();
        int stride = z.stride();
        for (int r = 0; r < rows; r++) {
            int o = r * out.stride();
            for (int k = 0; k < w2t.rows(); k++) {
                result.put(o + k, b.get(k) + laneDot(x, r * stride, w, k * stride, stride));
            }
            for (int k = w2t.rows(); k < out.stride(); k++) {
                result.put(o + k, 0f);
            }
        }
    }

    /** The sum of x[i] w[i] in 16 chains; lanes i and i + 8 are computed and added together, which leaves eight. */
    private static float laneDot(FloatBuffer x, int xi, FloatBuffer w, int wi, int length) {
        float s0 = lanePair(x, xi, w, wi, length);
        float s1 = lanePair(x, xi + 1, w, wi + 1, length);
        float s2 = lanePair(x, xi + 2, w, wi + 2, length);
        float s3 = lanePair(x, xi + 3, w, wi + 3, length);
        float s4 = lanePair(x, xi + 4, w, wi + 4, length);
        float s5 = lanePair(x, xi + 5, w, wi + 5, length);
        float s6 = lanePair(x, xi + 6, w, wi + 6, length);
        float s7 = lanePair(x, xi + 7, w, wi + 7, length);
        return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7));
    }

    private static float lanePair(FloatBuffer x, int xi, FloatBuffer w, int wi, int length) {
        float low = 0f;
        float high = 0f;
        for (int i = 0; i < length; i += LANES) {
            low = Math.fma(x.get(xi + i), w.get(wi + i), low);
            high = Math.fma(x.get(xi + i + 8), w.get(wi + i + 8), high);
        }
        return low + high;
    }

    @Override
    public void softmax(FloatMatrix a, int rows, int classes) {
        FloatBuffer x = a.data().buffer();
        for (int r = 0; r < rows; r++) {
            int begin = r * a.stride();
            float sum = exponentials(x, begin, classes, maximum(x, begin, classes));
            for (int i = begin; i < begin + classes; i++) {
                x.put(i, x.get(i) / sum);
            }
        }
    }

    private static float maximum(FloatBuffer x, int begin, int length) {
        float max = x.get(begin);
        for (int i = begin + 1; i < begin + length; i++) {
            max = Math.max(max, x.get(i));
        }
        return max;
    }

    private static float exponentials(FloatBuffer x, int begin, int length, float max) {
        float sum = 0f;
        for (int i = begin; i < begin + length; i++) {
            float e = ElementaryFunctions.exp(x.get(i) - max);
            x.put(i, e);
            sum += e;
        }
        return sum;
    }

    @Override
    public void lossAndDelta(
            Loss loss, FloatMatrix a, ByteArray labels, int rows, int classes, float scale, FloatArray losses) {
        FloatBuffer x = a.data().buffer();
        ByteBuffer label = labels.buffer();
        FloatBuffer lossOf = losses.buffer();
        for (int r = 0; r < rows; r++) {
            int begin = r * a.stride();
            int target = begin + (label.get(r) & 0xff);
            float max = maximum(x, begin, classes);
            float targetScore = x.get(target) - max;
            float sum = exponentials(x, begin, classes, max);
            for (int i = begin; i < begin + classes; i++) {
                x.put(i, x.get(i) / sum);
            }
            if (loss == Loss.CROSS_ENTROPY) {
                // -log y_t as log(sum) - (a_t - max): there is no log of a y_t that underflowed to zero.
                lossOf.put(r, (float) (StrictMath.log(sum) - targetScore));
                x.put(target, x.get(target) - 1f);
                for (int i = begin; i < begin + classes; i++) {
                    x.put(i, x.get(i) * scale);
                }
            } else {
                lossOf.put(r, squaredErrorDelta(x, begin, classes, target, scale));
            }
        }
    }

    /** From y to y (d - sum d y) scale with d = y - t, in place; returns 1/2 sum d^2. */
    private static float squaredErrorDelta(FloatBuffer x, int begin, int classes, int target, float scale) {
        float squares = 0f;
        float dy = 0f;
        for (int i = begin; i < begin + classes; i++) {
            float y = x.get(i);
            float d = i == target ? y - 1f : y;
            squares = Math.fma(d, d, squares);
            dy = Math.fma(d, y, dy);
        }
        for (int i = begin; i < begin + classes; i++) {
            float y = x.get(i);
            float d = i == target ? y - 1f : y;
            x.put(i, (d - dy) * y * scale);
        }
        return 0.5f * squares;
    }

    @Override
    public void hiddenDelta(
            Activation activation, FloatMatrix delta, int rows, FloatMatrix w2t, FloatMatrix z, FloatMatrix out) {
        FloatBuffer d = delta.data().buffer();
        FloatBuffer w = w2t.data().buffer();
        FloatBuffer x = z.data().buffer();
        FloatBuffer result = out.data().buffer();
        int stride = z.stride();
        for (int r = 0; r < rows; r++) {
            for (int h = 0; h < stride; h++) {
                float sum = 0f;
                for (int k = 0; k < w2t.rows(); k++) {
                    sum = Math.fma(d.get(r * delta.stride() + k), w.get(k * stride + h), sum);
                }
                result.put(r * stride + h, sum * slope(activation, x.get(r * stride + h)));
            }
        }
    }

    @Override
    public void sparseGradient(SparseBatch x, FloatMatrix delta, SegmentTree tree, FloatMatrix out) {
        if (x.hasGroups() && ScalarSparse.gradient(x, delta, tree, out)) {
            return;
        }
        x.indexColumns();
        IntBuffer start = x.columnStart().buffer();
        IntBuffer rows = x.entryRows().buffer();
        FloatBuffer values = x.entryValues().buffer();
        FloatBuffer d = delta.data().buffer();
        FloatBuffer result = out.data().buffer();
        for (int c = 0; c < out.rows(); c++) {
            int from = start.get(c);
            int to = start.get(c + 1);
            ScalarTreeSum.of(tree, rows, values, 0, 1, from, to, d, delta.stride(), result, c * out.stride());
        }
    }

    @Override
    public void denseGradient(FloatMatrix delta, FloatMatrix z, SegmentTree tree, FloatMatrix out) {
        FloatBuffer d = delta.data().buffer();
        FloatBuffer x = z.data().buffer();
        FloatBuffer result = out.data().buffer();
        for (int k = 0; k < out.rows(); k++) {
            ScalarTreeSum.of(tree, null, d, k, delta.stride(), 0, tree.rows(), x, z.stride(), result, k * out.stride());
        }
    }

    @Override
    public void biasGradient(FloatMatrix delta, SegmentTree tree, FloatArray out) {
        FloatBuffer d = delta.data().buffer();
        ScalarTreeSum.of(tree, null, null, 0, 0, 0, tree.rows(), d, delta.stride(), out.buffer(), 0);
    }

    @Override
    public void add(FloatArray x, FloatArray y) {
        requireSameLength(x, y);
        FloatBuffer from = x.buffer();
        FloatBuffer to = y.buffer();
        for (int i = 0; i < y.length(); i++) {
            to.put(i, to.get(i) + from.get(i));
        }
    }

    @Override
    public void addScaled(float a, FloatArray x, FloatArray y) {
        requireSameLength(x, y);
        FloatBuffer from = x.buffer();
        FloatBuffer to = y.buffer();
        for (int i = 0; i < y.length(); i++) {
            to.put(i, Math.fma(a, from.get(i), to.get(i)));
        }
    }

    @Override
    public void decayAndAdd(float a, FloatArray y, float b, FloatArray x) {
        requireSameLength(x, y);
        FloatBuffer from = x.buffer();
        FloatBuffer to = y.buffer();
        for (int i = 0; i < y.length(); i++) {
            to.put(i, Math.fma(a, to.get(i), b * from.get(i)));
        }
    }

    static void requireSameLength(FloatArray x, FloatArray y) {
        if (x.length() != y.length()) {
            throw new IllegalArgumentException("arrays of " + x.length() + " and " + y.length() + " floats");
        }
    }
}
