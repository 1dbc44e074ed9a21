package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.SPECIES;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * The kernels on the JDK's vector API, along the hidden units: sums stay in vector registers, four at a time where the
 * width allows. It reads off-heap memory in place through {@code FloatVector.fromByteBuffer}, which JDK 17 has and later
 * ones replaced; {@link Kernels#best} finds out whether it runs.
 *
 * <p>No operation goes across lanes, so the bits are those of {@link ScalarKernels} for every vector width. What runs along
 * the few classes is left to those.
 */
final class VectorKernels implements Kernels {
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(SPECIES, 8, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(SPECIES, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(SPECIES, 2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(SPECIES, 1, 1, true);

    private final ScalarKernels scalar = new ScalarKernels();

    @Override
    public String name() {
        return "vector-" + SPECIES.vectorBitSize();
    }

    @Override
    public void copyPixels(ByteArray from, int first, float[] to, int offset, int count) {
        VectorWidening.pixels(from, first, to, offset, count);
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, FloatMatrix out) {
        VectorSparseAffine.apply(x, w, bias, out);
    }

    @Override
    public void activate(Activation activation, FloatMatrix a, int rows, int columns) {
        ByteBuffer x = a.data().rawBytes();
        FloatBuffer elements = a.data().buffer();
        for (int r = 0; r < rows; r++) {
            int begin = r * a.stride();
            // A loop of its own for each function: together they are more than the compiler inlines, and vectors that
            // cross
            // a call are allocated.
            switch (activation) {
                case SIGMOID -> sigmoid(x, begin * Float.BYTES, (begin + columns) * Float.BYTES);
                case TANH -> tanh(x, begin * Float.BYTES, (begin + columns) * Float.BYTES);
                case RELU -> relu(x, begin * Float.BYTES, (begin + columns) * Float.BYTES);
            }
            for (int i = begin + columns; i < begin + a.stride(); i++) {
                elements.put(i, 0f);
            }
        }
    }

    private static void sigmoid(ByteBuffer x, int beginBytes, int endBytes) {
        for (int i = beginBytes; i < endBytes; i += VECTOR_BYTES) {
            VectorFunctions.sigmoid(load(x, i)).intoByteBuffer(x, i, ORDER);
        }
    }

    private static void tanh(ByteBuffer x, int beginBytes, int endBytes) {
        for (int i = beginBytes; i < endBytes; i += VECTOR_BYTES) {
            VectorFunctions.tanh(load(x, i)).intoByteBuffer(x, i, ORDER);
        }
    }

    private static void relu(ByteBuffer x, int beginBytes, int endBytes) {
        for (int i = beginBytes; i < endBytes; i += VECTOR_BYTES) {
            load(x, i).max(0f).intoByteBuffer(x, i, ORDER);
        }
    }

    @Override
    public void denseAffine(FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, FloatMatrix out) {
        ByteBuffer x = z.data().rawBytes();
        ByteBuffer w = w2t.data().rawBytes();
        FloatBuffer b = bias.buffer();
        FloatBuffer result = out.data().buffer();
        int strideBytes = z.stride() * Float.BYTES;
        for (int r = 0; r < rows; r++) {
            int o = r * out.stride();
            for (int k = 0; k < w2t.rows(); k++) {
                result.put(o + k, b.get(k) + laneDot(x, r * strideBytes, w, k * strideBytes, strideBytes));
            }
            for (int k = w2t.rows(); k < out.stride(); k++) {
                result.put(o + k, 0f);
            }
        }
    }

    /** The sum of x[i] w[i] in 16 chains, which are added pairwise: those at a distance of 8, of 4, of 2, of 1. */
    private static float laneDot(ByteBuffer x, int xi, ByteBuffer w, int wi, int bytes) {
        FloatVector low = FloatVector.zero(SPECIES);
        FloatVector high = low;
        for (int i = 0; i < bytes; i += LANES * Float.BYTES) {
            low = load(x, xi + i).fma(load(w, wi + i), low);
            if (WIDTH < LANES) {
                high = load(x, xi + i + VECTOR_BYTES).fma(load(w, wi + i + VECTOR_BYTES), high);
            }
        }
        FloatVector sum = WIDTH < LANES ? low.add(high) : low.add(low.rearrange(BY_8));
        sum = sum.add(sum.rearrange(BY_4));
        sum = sum.add(sum.rearrange(BY_2));
        return sum.add(sum.rearrange(BY_1)).lane(0);
    }

    @Override
    public void softmax(FloatMatrix a, int rows, int classes) {
        scalar.softmax(a, rows, classes);
    }

    @Override
    public void lossAndDelta(
            Loss loss, FloatMatrix a, ByteArray labels, int rows, int classes, float scale, FloatArray losses) {
        scalar.lossAndDelta(loss, a, labels, rows, classes, scale, losses);
    }

    @Override
    public void hiddenDelta(
            Activation activation, FloatMatrix delta, int rows, FloatMatrix w2t, FloatMatrix z, FloatMatrix out) {
        FloatBuffer d = delta.data().buffer();
        ByteBuffer w = w2t.data().rawBytes();
        ByteBuffer x = z.data().rawBytes();
        ByteBuffer result = out.data().rawBytes();
        int strideBytes = z.stride() * Float.BYTES;
        for (int r = 0; r < rows; r++) {
            for (int h = 0; h < strideBytes; h += VECTOR_BYTES) {
                FloatVector sum = FloatVector.zero(SPECIES);
                for (int k = 0; k < w2t.rows(); k++) {
                    sum = load(w, k * strideBytes + h).fma(all(d.get(r * delta.stride() + k)), sum);
                }
                int i = r * strideBytes + h;
                sum.mul(VectorFunctions.slope(activation, load(x, i))).intoByteBuffer(result, i, ORDER);
            }
        }
    }

    @Override
    public void sparseGradient(GradientSum sum, int fromGroup, int toGroup, float[] scratch) {
        VectorSparseGradient.apply(sum, fromGroup, toGroup, scratch);
    }

    @Override
    public void denseGradient(GradientSum sum, float[] scratch) {
        VectorTreeSum.apply(sum, scratch);
    }

    @Override
    public boolean isFinite(FloatMatrix m, int rows) {
        ByteBuffer numbers = m.data().rawBytes();
        int bytes = rows * m.stride() * Float.BYTES;
        FloatVector sum = FloatVector.zero(SPECIES);
        for (int i = 0; i < bytes; i += VECTOR_BYTES) {
            FloatVector number = load(numbers, i);
            sum = sum.add(number.sub(number));
        }
        return sum.reduceLanes(VectorOperators.ADD) == 0f;
    }

    @Override
    public void add(FloatArray x, FloatArray y) {
        ScalarKernels.requireSameLength(x, y);
        ByteBuffer from = x.rawBytes();
        ByteBuffer to = y.rawBytes();
        int i = 0;
        for (; i + VECTOR_BYTES <= to.capacity(); i += VECTOR_BYTES) {
            load(to, i).add(load(from, i)).intoByteBuffer(to, i, ORDER);
        }
        for (int k = i / Float.BYTES; k < y.length(); k++) {
            y.set(k, y.get(k) + x.get(k));
        }
    }

    @Override
    public void addScaled(float a, FloatArray x, FloatArray y) {
        ScalarKernels.requireSameLength(x, y);
        ByteBuffer from = x.rawBytes();
        ByteBuffer to = y.rawBytes();
        FloatVector factor = all(a);
        int i = 0;
        for (; i + VECTOR_BYTES <= to.capacity(); i += VECTOR_BYTES) {
            load(from, i).fma(factor, load(to, i)).intoByteBuffer(to, i, ORDER);
        }
        for (int k = i / Float.BYTES; k < y.length(); k++) {
            y.set(k, Math.fma(a, x.get(k), y.get(k)));
        }
    }

    @Override
    public void decayAndAdd(float a, FloatArray y, float b, FloatArray x) {
        ScalarKernels.requireSameLength(x, y);
        ByteBuffer from = x.rawBytes();
        ByteBuffer to = y.rawBytes();
        FloatVector decay = all(a);
        FloatVector factor = all(b);
        int i = 0;
        for (; i + VECTOR_BYTES <= to.capacity(); i += VECTOR_BYTES) {
            load(to, i).fma(decay, load(from, i).mul(factor)).intoByteBuffer(to, i, ORDER);
        }
        for (int k = i / Float.BYTES; k < y.length(); k++) {
            y.set(k, Math.fma(a, y.get(k), b * x.get(k)));
        }
    }
}
