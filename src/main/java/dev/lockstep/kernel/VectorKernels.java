package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.ORDER;
import static dev.lockstep.kernel.VectorLanes.SPECIES;
import static dev.lockstep.kernel.VectorLanes.VECTOR_BYTES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.bytes;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The kernels on the JDK's vector API, along the hidden units: sums stay in vector registers, four at a time where the
 * width allows. Scores and losses, of which there are few to a row, run along the rows. Off-heap memory is read in place, see
 * {@link VectorLanes}; {@link KernelTrial} finds out whether it runs.
 *
 * <p>No operation goes across lanes, so the bits are those of {@link ScalarKernels} for every vector width. The softmax, which
 * no step needs, is left to those.
 */
final class VectorKernels implements Kernels {
    private final ScalarKernels scalar = new ScalarKernels();

    /**
     * @throws UnsupportedOperationException if the vectors of this machine, or those that this JVM compiles, are narrower than
     *     the kernels': they would be computed lane by lane, every vector an object, 25 times as slowly as plain loops
     */
    VectorKernels() {
        int bits = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        if (bits < SPECIES.vectorBitSize()) {
            throw new UnsupportedOperationException(
                    "vectors of " + bits + " bits, and the kernels need " + SPECIES.vectorBitSize());
        }
    }

    @Override
    public String name() {
        return "vector-" + SPECIES.vectorBitSize();
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        VectorSparseAffine.apply(x, w, bias, columns, out);
    }

    @Override
    public void activate(Activation activation, FloatMatrix a, int rows, int columns) {
        ByteBuffer x = bytes(a.data());
        FloatBuffer elements = a.data().buffer();
        for (int r = 0; r < rows; r++) {
            int begin = r * a.stride();
            // A loop of its own for each function: together they are more than the compiler inlines, and vectors that
            // cross a call are allocated.
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
    public void denseAffine(
            FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, LayerScratch scratch, FloatMatrix out) {
        VectorDenseAffine.apply(z, rows, w2t, bias, scratch, out);
    }

    @Override
    public void softmax(FloatMatrix a, int rows, int classes) {
        scalar.softmax(a, rows, classes);
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
        VectorLoss.apply(loss, a, labels, rows, classes, scale, scratch, losses);
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
        FloatBuffer d = delta.data().buffer();
        ByteBuffer w = bytes(w2t.data());
        ByteBuffer x = bytes(z.data());
        ByteBuffer result = bytes(out.data());
        int strideBytes = z.stride() * Float.BYTES;
        for (int r = 0; r < rows; r++) {
            int h = 0;
            for (; h + BLOCK * Float.BYTES <= strideBytes; h += BLOCK * Float.BYTES) {
                back4(activation, d, r * delta.stride(), w2t.rows(), w, h, x, r * strideBytes + h, result, strideBytes);
            }
            for (; h < strideBytes; h += VECTOR_BYTES) {
                back1(activation, d, r * delta.stride(), w2t.rows(), w, h, x, r * strideBytes + h, result, strideBytes);
            }
        }
    }

    /** Four vectors of a row of {@link #hiddenDelta}: their sums do not wait for one another. */
    private static void back4(
            Activation activation,
            FloatBuffer d,
            int first,
            int classes,
            ByteBuffer w,
            int h,
            ByteBuffer z,
            int i,
            ByteBuffer out,
            int strideBytes) {
        FloatVector s0 = FloatVector.zero(SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int k = 0; k < classes; k++) {
            FloatVector v = all(d.get(first + k));
            int at = k * strideBytes + h;
            s0 = load(w, at).fma(v, s0);
            s1 = load(w, at + VECTOR_BYTES).fma(v, s1);
            s2 = load(w, at + 2 * VECTOR_BYTES).fma(v, s2);
            s3 = load(w, at + 3 * VECTOR_BYTES).fma(v, s3);
        }
        slope(activation, z, i, s0).intoByteBuffer(out, i, ORDER);
        slope(activation, z, i + VECTOR_BYTES, s1).intoByteBuffer(out, i + VECTOR_BYTES, ORDER);
        slope(activation, z, i + 2 * VECTOR_BYTES, s2).intoByteBuffer(out, i + 2 * VECTOR_BYTES, ORDER);
        slope(activation, z, i + 3 * VECTOR_BYTES, s3).intoByteBuffer(out, i + 3 * VECTOR_BYTES, ORDER);
    }

    private static void back1(
            Activation activation,
            FloatBuffer d,
            int first,
            int classes,
            ByteBuffer w,
            int h,
            ByteBuffer z,
            int i,
            ByteBuffer out,
            int strideBytes) {
        FloatVector sum = FloatVector.zero(SPECIES);
        for (int k = 0; k < classes; k++) {
            sum = load(w, k * strideBytes + h).fma(all(d.get(first + k)), sum);
        }
        slope(activation, z, i, sum).intoByteBuffer(out, i, ORDER);
    }

    private static FloatVector slope(Activation activation, ByteBuffer z, int i, FloatVector sum) {
        return sum.mul(VectorFunctions.slope(activation, load(z, i)));
    }

    @Override
    public void sparseGradient(GradientSum sum, int fromGroup, int toGroup, SumScratch scratch) {
        VectorSparseGradient.apply(sum, fromGroup, toGroup, scratch.stack());
    }

    @Override
    public void denseGradient(GradientSum sum, SumScratch scratch) {
        VectorTreeSum.apply(sum, scratch.stack());
    }

    @Override
    public boolean isFinite(FloatMatrix m, int rows) {
        ByteBuffer numbers = bytes(m.data());
        int bytes = rows * m.stride() * Float.BYTES;
        FloatVector sum = FloatVector.zero(SPECIES);
        for (int i = 0; i < bytes; i += VECTOR_BYTES) {
            FloatVector number = load(numbers, i);
            sum = sum.add(number.sub(number));
        }
        return sum.reduceLanes(VectorOperators.ADD) == 0f;
    }

    @Override
    public boolean isZero(FloatArray x, int from, int to) {
        int vectors = from + (to - from) / WIDTH * WIDTH;
        return isZero(bytes(x), from * Float.BYTES, vectors * Float.BYTES) && scalar.isZero(x, vectors, to);
    }

    private static boolean isZero(ByteBuffer x, int fromBytes, int toBytes) {
        IntVector bits = IntVector.zero(VectorLanes.INT_SPECIES);
        for (int i = fromBytes; i < toBytes; i += VECTOR_BYTES) {
            bits = bits.or(load(x, i).reinterpretAsInts());
        }
        return bits.reduceLanes(VectorOperators.OR) == 0;
    }

    @Override
    public boolean isSame(FloatArray x, FloatArray y, int from, int to) {
        int vectors = from + (to - from) / WIDTH * WIDTH;
        return isSame(bytes(x), bytes(y), from * Float.BYTES, vectors * Float.BYTES)
                && scalar.isSame(x, y, vectors, to);
    }

    /** Ends at the first vector that differs: most often it is the first one. */
    private static boolean isSame(ByteBuffer x, ByteBuffer y, int fromBytes, int toBytes) {
        for (int i = fromBytes; i < toBytes; i += VECTOR_BYTES) {
            IntVector bits = load(x, i)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.XOR, load(y, i).reinterpretAsInts());
            if (bits.reduceLanes(VectorOperators.OR) != 0) {
                return false;
            }
        }
        return true;
    }

    // Each loop has a method of its own, in which no vector lives on from one turn to the next: with more around it the
    // compiler now and then allocates the vectors.

    @Override
    public void add(FloatArray x, FloatArray y) {
        ScalarKernels.requireSameLength(x, y);
        int vectors = y.length() / WIDTH * WIDTH;
        add(bytes(x), bytes(y), vectors * Float.BYTES);
        for (int k = vectors; k < y.length(); k++) {
            y.set(k, y.get(k) + x.get(k));
        }
    }

    private static void add(ByteBuffer x, ByteBuffer y, int endBytes) {
        for (int i = 0; i < endBytes; i += VECTOR_BYTES) {
            load(y, i).add(load(x, i)).intoByteBuffer(y, i, ORDER);
        }
    }

    @Override
    public void addScaled(float a, FloatArray x, FloatArray y) {
        ScalarKernels.requireSameLength(x, y);
        int vectors = y.length() / WIDTH * WIDTH;
        addScaled(a, bytes(x), bytes(y), vectors * Float.BYTES);
        for (int k = vectors; k < y.length(); k++) {
            y.set(k, Math.fma(a, x.get(k), y.get(k)));
        }
    }

    private static void addScaled(float a, ByteBuffer x, ByteBuffer y, int endBytes) {
        for (int i = 0; i < endBytes; i += VECTOR_BYTES) {
            load(x, i).fma(all(a), load(y, i)).intoByteBuffer(y, i, ORDER);
        }
    }

    @Override
    public void decayAndAdd(float a, FloatArray y, float b, FloatArray x) {
        ScalarKernels.requireSameLength(x, y);
        int vectors = y.length() / WIDTH * WIDTH;
        decayAndAdd(a, bytes(y), b, bytes(x), vectors * Float.BYTES);
        for (int k = vectors; k < y.length(); k++) {
            y.set(k, Math.fma(a, y.get(k), b * x.get(k)));
        }
    }

    private static void decayAndAdd(float a, ByteBuffer y, float b, ByteBuffer x, int endBytes) {
        for (int i = 0; i < endBytes; i += VECTOR_BYTES) {
            load(y, i).fma(all(a), load(x, i).mul(all(b))).intoByteBuffer(y, i, ORDER);
        }
    }
}
