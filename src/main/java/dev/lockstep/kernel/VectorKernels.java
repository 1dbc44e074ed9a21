package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernels on the JDK's vector API, along the hidden units: sums stay in vector registers, four at a time where the
 * width allows. It reads off-heap memory in place through {@code FloatVector.fromByteBuffer}, which JDK 17 has and later
 * ones replaced; {@link Kernels#best} finds out whether it runs.
 *
 * <p>No operation goes across lanes, so the bits are those of {@link ScalarKernels} for every vector width. What runs along
 * the few classes is left to those.
 */
final class VectorKernels implements Kernels {
    /** Vectors of 512 bits where the machine has them, else of 256; {@link Kernels#LANES} is a multiple of both. */
    private static final VectorSpecies<Float> SPECIES =
            FloatVector.SPECIES_PREFERRED.length() >= LANES ? FloatVector.SPECIES_512 : FloatVector.SPECIES_256;

    private static final int WIDTH = SPECIES.length();
    private static final int VECTOR_BYTES = WIDTH * Float.BYTES;
    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(SPECIES, 8, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(SPECIES, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(SPECIES, 2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(SPECIES, 1, 1, true);
    private static final int BLOCK = 4 * WIDTH;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private final ScalarKernels scalar = new ScalarKernels();

    @Override
    public String name() {
        return "vector-" + SPECIES.vectorBitSize();
    }

    private static FloatVector load(ByteBuffer from, int offsetBytes) {
        return FloatVector.fromByteBuffer(SPECIES, from, offsetBytes, ORDER);
    }

    private static FloatVector all(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }

    @Override
    public void sparseAffine(SparseBatch x, FloatMatrix w, FloatArray bias, FloatMatrix out) {
        IntBuffer rowStart = x.rowStart().buffer();
        IntBuffer columns = x.columns().buffer();
        FloatBuffer values = x.values().buffer();
        ByteBuffer weights = w.data().rawBytes();
        ByteBuffer biases = bias.rawBytes();
        ByteBuffer result = out.data().rawBytes();
        int stride = w.stride();
        for (int r = 0; r < x.rows(); r++) {
            int from = rowStart.get(r);
            int to = rowStart.get(r + 1);
            int o = r * out.stride() * Float.BYTES;
            int h = 0;
            for (; h + BLOCK <= stride; h += BLOCK) {
                sparseDot4(
                        columns, values, from, to, weights, stride * Float.BYTES, h * Float.BYTES, biases, result, o);
            }
            for (; h < stride; h += WIDTH) {
                sparseDot1(
                        columns, values, from, to, weights, stride * Float.BYTES, h * Float.BYTES, biases, result, o);
            }
        }
    }

    private static void sparseDot4(
            IntBuffer columns,
            FloatBuffer values,
            int from,
            int to,
            ByteBuffer w,
            int strideBytes,
            int h,
            ByteBuffer bias,
            ByteBuffer out,
            int o) {
        FloatVector s0 = load(bias, h);
        FloatVector s1 = load(bias, h + VECTOR_BYTES);
        FloatVector s2 = load(bias, h + 2 * VECTOR_BYTES);
        FloatVector s3 = load(bias, h + 3 * VECTOR_BYTES);
        for (int j = from; j < to; j++) {
            FloatVector v = all(values.get(j));
            int i = columns.get(j) * strideBytes + h;
            s0 = load(w, i).fma(v, s0);
            s1 = load(w, i + VECTOR_BYTES).fma(v, s1);
            s2 = load(w, i + 2 * VECTOR_BYTES).fma(v, s2);
            s3 = load(w, i + 3 * VECTOR_BYTES).fma(v, s3);
        }
        s0.intoByteBuffer(out, o + h, ORDER);
        s1.intoByteBuffer(out, o + h + VECTOR_BYTES, ORDER);
        s2.intoByteBuffer(out, o + h + 2 * VECTOR_BYTES, ORDER);
        s3.intoByteBuffer(out, o + h + 3 * VECTOR_BYTES, ORDER);
    }

    private static void sparseDot1(
            IntBuffer columns,
            FloatBuffer values,
            int from,
            int to,
            ByteBuffer w,
            int strideBytes,
            int h,
            ByteBuffer bias,
            ByteBuffer out,
            int o) {
        FloatVector s = load(bias, h);
        for (int j = from; j < to; j++) {
            s = load(w, columns.get(j) * strideBytes + h).fma(all(values.get(j)), s);
        }
        s.intoByteBuffer(out, o + h, ORDER);
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
    public void sparseGradient(SparseBatch x, FloatMatrix delta, SegmentTree tree, FloatMatrix out) {
        IntBuffer start = x.columnStart().buffer();
        IntBuffer rows = x.entryRows().buffer();
        FloatBuffer values = x.entryValues().buffer();
        ByteBuffer d = delta.data().rawBytes();
        ByteBuffer result = out.data().rawBytes();
        int strideBytes = out.stride() * Float.BYTES;
        for (int c = 0; c < out.rows(); c++) {
            treeSum(tree, rows, values, 0, 1, start.get(c), start.get(c + 1), d, strideBytes, result, c * strideBytes);
        }
    }

    @Override
    public void denseGradient(FloatMatrix delta, FloatMatrix z, SegmentTree tree, FloatMatrix out) {
        FloatBuffer d = delta.data().buffer();
        ByteBuffer x = z.data().rawBytes();
        ByteBuffer result = out.data().rawBytes();
        int strideBytes = z.stride() * Float.BYTES;
        for (int k = 0; k < out.rows(); k++) {
            treeSum(tree, null, d, k, delta.stride(), 0, tree.rows(), x, strideBytes, result, k * strideBytes);
        }
    }

    @Override
    public void biasGradient(FloatMatrix delta, SegmentTree tree, FloatArray out) {
        int strideBytes = delta.stride() * Float.BYTES;
        treeSum(tree, null, null, 0, 0, 0, tree.rows(), delta.data().rawBytes(), strideBytes, out.rawBytes(), 0);
    }

    /** As in {@link ScalarKernels}: the sum along the tree over entries e of value(e) m[row(e), :]. */
    private static void treeSum(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            ByteBuffer m,
            int strideBytes,
            ByteBuffer out,
            int o) {
        int h = 0;
        if (from == to) {
            for (; h < strideBytes; h += VECTOR_BYTES) {
                FloatVector.zero(SPECIES).intoByteBuffer(out, o + h, ORDER);
            }
        }
        for (; h + BLOCK * Float.BYTES <= strideBytes; h += BLOCK * Float.BYTES) {
            treeSum4(tree, rows, values, first, step, from, to, m, strideBytes, h, out, o + h);
        }
        for (; h < strideBytes; h += VECTOR_BYTES) {
            treeSum1(tree, rows, values, first, step, from, to, m, strideBytes, h, out, o + h);
        }
    }

    /** The newest sum stays in registers, the ones that wait for their right sibling lie in the tree's scratch. */
    private static void treeSum4(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            ByteBuffer m,
            int strideBytes,
            int h,
            ByteBuffer out,
            int o) {
        float[] waiting = tree.partialSums();
        FloatVector s0 = FloatVector.zero(SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        int e = from;
        int top = 0;
        for (int s = 0; s < tree.segments(); s++) {
            if (s > 0) {
                s0.intoArray(waiting, top);
                s1.intoArray(waiting, top + WIDTH);
                s2.intoArray(waiting, top + 2 * WIDTH);
                s3.intoArray(waiting, top + 3 * WIDTH);
                top += BLOCK;
                s0 = FloatVector.zero(SPECIES);
                s1 = s0;
                s2 = s0;
                s3 = s0;
            }
            int end = tree.rowEnd(s);
            for (; e < to; e++) {
                int row = rows == null ? e : rows.get(e);
                if (row >= end) {
                    break;
                }
                FloatVector v = all(values == null ? 1f : values.get(first + e * step));
                int i = row * strideBytes + h;
                s0 = load(m, i).fma(v, s0);
                s1 = load(m, i + VECTOR_BYTES).fma(v, s1);
                s2 = load(m, i + 2 * VECTOR_BYTES).fma(v, s2);
                s3 = load(m, i + 3 * VECTOR_BYTES).fma(v, s3);
            }
            // Adding +0.0 turns -0.0 into +0.0 and changes nothing else; see SegmentTree.
            s0 = s0.add(0f);
            s1 = s1.add(0f);
            s2 = s2.add(0f);
            s3 = s3.add(0f);
            for (int merges = tree.mergesAfter(s); merges > 0; merges--) {
                top -= BLOCK;
                s0 = s0.add(FloatVector.fromArray(SPECIES, waiting, top));
                s1 = s1.add(FloatVector.fromArray(SPECIES, waiting, top + WIDTH));
                s2 = s2.add(FloatVector.fromArray(SPECIES, waiting, top + 2 * WIDTH));
                s3 = s3.add(FloatVector.fromArray(SPECIES, waiting, top + 3 * WIDTH));
            }
        }
        s0.intoByteBuffer(out, o, ORDER);
        s1.intoByteBuffer(out, o + VECTOR_BYTES, ORDER);
        s2.intoByteBuffer(out, o + 2 * VECTOR_BYTES, ORDER);
        s3.intoByteBuffer(out, o + 3 * VECTOR_BYTES, ORDER);
    }

    private static void treeSum1(
            SegmentTree tree,
            IntBuffer rows,
            FloatBuffer values,
            int first,
            int step,
            int from,
            int to,
            ByteBuffer m,
            int strideBytes,
            int h,
            ByteBuffer out,
            int o) {
        float[] waiting = tree.partialSums();
        FloatVector sum = FloatVector.zero(SPECIES);
        int e = from;
        int top = 0;
        for (int s = 0; s < tree.segments(); s++) {
            if (s > 0) {
                sum.intoArray(waiting, top);
                top += WIDTH;
                sum = FloatVector.zero(SPECIES);
            }
            int end = tree.rowEnd(s);
            for (; e < to; e++) {
                int row = rows == null ? e : rows.get(e);
                if (row >= end) {
                    break;
                }
                FloatVector v = all(values == null ? 1f : values.get(first + e * step));
                sum = load(m, row * strideBytes + h).fma(v, sum);
            }
            sum = sum.add(0f);
            for (int merges = tree.mergesAfter(s); merges > 0; merges--) {
                top -= WIDTH;
                sum = sum.add(FloatVector.fromArray(SPECIES, waiting, top));
            }
        }
        sum.intoByteBuffer(out, o, ORDER);
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
