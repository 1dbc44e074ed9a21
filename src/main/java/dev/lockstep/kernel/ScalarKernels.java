package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/**
 * The kernels in plain Java: the reference that others are compared with, and the fallback where the vector API is
 * missing.
 */
public final class ScalarKernels implements Kernels {
    private static final int MAGNITUDE = 0x7fffffff;
    private static final int LARGEST_FINITE = 0x7f7fffff;

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public boolean readsBlocks() {
        return true;
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        if (x.rows() > 0 && !ScalarSparse.affine(x, w, bias, columns, out)) {
            ExactAffine.apply(x, w, bias, out);
        }
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

    static float slope(Activation activation, float z) {
        return switch (activation) {
            case SIGMOID -> z * (1f - z);
            case TANH -> Math.fma(-z, z, 1f);
            case RELU -> z > 0f ? 1f : 0f;
        };
    }

    @Override
    public void denseAffine(
            FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, LayerScratch scratch, FloatMatrix out) {
        ScalarDense.affine(z, rows, w2t, bias, scratch, out);
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
            Loss loss,
            FloatMatrix a,
            ByteArray labels,
            int rows,
            int classes,
            float scale,
            LayerScratch scratch,
            FloatArray losses) {
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
                lossOf.put(r, ElementaryFunctions.log(sum) - targetScore);
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
            Activation activation,
            FloatMatrix delta,
            int rows,
            FloatMatrix w2t,
            FloatMatrix z,
            LayerScratch scratch,
            FloatMatrix out) {
        ScalarDense.back(activation, delta, rows, w2t, z, scratch.flat(), out);
    }

    @Override
    public void sparseGradient(GradientSum sum, int fromGroup, int toGroup, SumScratch scratch) {
        ScalarSparse.gradient(sum, fromGroup, toGroup, scratch);
    }

    @Override
    public void denseGradient(GradientSum sum, SumScratch scratch) {
        ScalarTreeSum.apply(sum, scratch);
    }

    @Override
    public boolean isFinite(FloatMatrix m, int rows) {
        FloatBuffer numbers = m.data().buffer();
        int wild = 0;
        for (int i = 0; i < rows * m.stride(); i++) {
            wild |= LARGEST_FINITE - (Float.floatToRawIntBits(numbers.get(i)) & MAGNITUDE);
        }
        return wild >= 0;
    }

    @Override
    public boolean isZero(FloatArray x, int from, int to) {
        FloatBuffer numbers = x.buffer();
        int bits = 0;
        for (int i = from; i < to; i++) {
            bits |= Float.floatToRawIntBits(numbers.get(i));
        }
        return bits == 0;
    }

    @Override
    public boolean isSame(FloatArray x, FloatArray y, int from, int to) {
        FloatBuffer a = x.buffer();
        FloatBuffer b = y.buffer();
        for (int i = from; i < to; i++) {
            if (Float.floatToRawIntBits(a.get(i)) != Float.floatToRawIntBits(b.get(i))) {
                return false;
            }
        }
        return true;
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
