package dev.lockstep.kernel;

import static dev.lockstep.kernel.SparseBatch.PIXELS;
import static dev.lockstep.kernel.SparseBatch.ROW_SHIFT;
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
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link Kernels#sparseAffine} by groups of columns: four rows of W stay in registers while all rows of x that have an
 * element there pass by. So W is read once, and the sums, which are few, lie in the first-level cache (50 rows of MNIST
 * and 64 hidden units take 14 us so, and 37 us row by row). The additions to each sum still come in ascending order of
 * the columns.
 *
 * <p>Where a row has no element in one of a group's columns, 0 w is added. That changes a sum in two cases only: w is not
 * finite, or the sum is -0.0, which a negative sum too small for a float becomes. Both show in the result, as a number
 * that is not finite or as a zero where there are weights; then {@link ExactAffine} computes all again.
 */
final class VectorSparseAffine {
    private static final int COLUMNS = SparseBatch.COLUMNS;
    /** Where the sums of row 0 begin. */
    private static final int FIRST = AlignedFloats.FIRST;

    private static final int MAGNITUDE = 0x7fffffff;
    private static final int LARGEST_FINITE = 0x7f7fffff;

    private VectorSparseAffine() {}

    static void apply(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        if (x.rows() > 0 && !byGroups(x, w, bias, columns, out)) {
            ExactAffine.apply(x, w, bias, out);
        }
    }

    /** Returns whether the result is certain to be that of {@link ExactAffine}. */
    private static boolean byGroups(SparseBatch x, FloatMatrix w, FloatArray bias, int columns, FloatMatrix out) {
        float[] sums = x.scratch();
        ByteBuffer weights = bytes(w.data());
        ByteBuffer biases = bytes(bias);
        ByteBuffer result = bytes(out.data());
        int strideBytes = w.stride() * Float.BYTES;
        boolean certain = true;
        int vectors = 0;
        for (int h = 0; h < strideBytes; h += vectors * VECTOR_BYTES) {
            vectors = h + BLOCK * Float.BYTES <= strideBytes ? 4 : 1;
            for (int v = 0; v < vectors; v++) {
                begin(biases, h + v * VECTOR_BYTES, x.rows(), sums, FIRST + v * WIDTH);
            }
            if (vectors == 4) {
                addGroups4(x, weights, w.rows(), strideBytes, h, sums);
            } else {
                addGroups1(x, weights, w.rows(), strideBytes, h, sums);
            }
            for (int v = 0; v < vectors; v++) {
                int at = h + v * VECTOR_BYTES;
                int s = FIRST + v * WIDTH;
                certain &= end(sums, s, x.rows(), result, at, out.stride() * Float.BYTES)
                        || !isMarked(sums, s, columns - at / Float.BYTES)
                        || !hasWeights(sums, s, biases, weights, w.rows(), strideBytes, at);
            }
        }
        return certain;
    }

    private static void begin(ByteBuffer bias, int h, int rows, float[] sums, int s) {
        FloatVector b = load(bias, h);
        for (int i = s; i < FIRST + rows * BLOCK; i += BLOCK) {
            b.intoArray(sums, i);
        }
    }

    private static void addGroups4(SparseBatch x, ByteBuffer w, int inputs, int strideBytes, int h, float[] sums) {
        int[] begins = x.begins();
        int[] ends = x.ends();
        for (int g = 0; g < begins.length; g++) {
            if (begins[g] < ends[g]) { // a third of W is not read
                addGroup4(x, begins[g], ends[g], w, COLUMNS * g, inputs - 1, strideBytes, h, sums);
            }
        }
    }

    /** A method of its own: with the loop over the groups around it, the compiler keeps the loop's variables in memory. */
    private static void addGroup4(
            SparseBatch x, int from, int to, ByteBuffer w, int c, int last, int strideBytes, int h, float[] sums) {
        long[] entries = x.entries();
        boolean arePixels = x.arePixels();
        float[] values = x.floats();
        // The last group's columns beyond the width have values of 0 and may stand for any row of W.
        int i0 = c * strideBytes + h;
        FloatVector w00 = load(w, i0);
        FloatVector w01 = load(w, i0 + VECTOR_BYTES);
        FloatVector w02 = load(w, i0 + 2 * VECTOR_BYTES);
        FloatVector w03 = load(w, i0 + 3 * VECTOR_BYTES);
        int i1 = Math.min(c + 1, last) * strideBytes + h;
        FloatVector w10 = load(w, i1);
        FloatVector w11 = load(w, i1 + VECTOR_BYTES);
        FloatVector w12 = load(w, i1 + 2 * VECTOR_BYTES);
        FloatVector w13 = load(w, i1 + 3 * VECTOR_BYTES);
        int i2 = Math.min(c + 2, last) * strideBytes + h;
        FloatVector w20 = load(w, i2);
        FloatVector w21 = load(w, i2 + VECTOR_BYTES);
        FloatVector w22 = load(w, i2 + 2 * VECTOR_BYTES);
        FloatVector w23 = load(w, i2 + 3 * VECTOR_BYTES);
        int i3 = Math.min(c + 3, last) * strideBytes + h;
        FloatVector w30 = load(w, i3);
        FloatVector w31 = load(w, i3 + VECTOR_BYTES);
        FloatVector w32 = load(w, i3 + 2 * VECTOR_BYTES);
        FloatVector w33 = load(w, i3 + 3 * VECTOR_BYTES);
        for (int e = from; e < to; e++) {
            long entry = entries[e];
            int low = (int) entry;
            float x0;
            float x1;
            float x2;
            float x3;
            if (arePixels) {
                x0 = PIXELS[low & 0xff];
                x1 = PIXELS[low >>> 8 & 0xff];
                x2 = PIXELS[low >>> 16 & 0xff];
                x3 = PIXELS[low >>> 24];
            } else {
                x0 = values[low];
                x1 = values[low + 1];
                x2 = values[low + 2];
                x3 = values[low + 3];
            }
            int s = FIRST + (int) (entry >>> ROW_SHIFT) * BLOCK;
            FloatVector v0 = all(x0);
            FloatVector v1 = all(x1);
            FloatVector v2 = all(x2);
            FloatVector v3 = all(x3);
            FloatVector s0 = w00.fma(v0, load(sums, s));
            w30.fma(v3, w20.fma(v2, w10.fma(v1, s0))).intoArray(sums, s);
            FloatVector s1 = w01.fma(v0, load(sums, s + WIDTH));
            w31.fma(v3, w21.fma(v2, w11.fma(v1, s1))).intoArray(sums, s + WIDTH);
            FloatVector s2 = w02.fma(v0, load(sums, s + 2 * WIDTH));
            w32.fma(v3, w22.fma(v2, w12.fma(v1, s2))).intoArray(sums, s + 2 * WIDTH);
            FloatVector s3 = w03.fma(v0, load(sums, s + 3 * WIDTH));
            w33.fma(v3, w23.fma(v2, w13.fma(v1, s3))).intoArray(sums, s + 3 * WIDTH);
        }
    }

    private static void addGroups1(SparseBatch x, ByteBuffer w, int inputs, int strideBytes, int h, float[] sums) {
        int[] begins = x.begins();
        int[] ends = x.ends();
        long[] entries = x.entries();
        boolean arePixels = x.arePixels();
        float[] values = x.floats();
        for (int g = 0; g < begins.length; g++) {
            int end = ends[g];
            if (begins[g] == end) {
                continue; // a third of W is not read
            }
            FloatVector w0 = load(w, Math.min(COLUMNS * g + 0, inputs - 1) * strideBytes + h);
            FloatVector w1 = load(w, Math.min(COLUMNS * g + 1, inputs - 1) * strideBytes + h);
            FloatVector w2 = load(w, Math.min(COLUMNS * g + 2, inputs - 1) * strideBytes + h);
            FloatVector w3 = load(w, Math.min(COLUMNS * g + 3, inputs - 1) * strideBytes + h);
            for (int e = begins[g]; e < end; e++) {
                long entry = entries[e];
                int low = (int) entry;
                float x0;
                float x1;
                float x2;
                float x3;
                if (arePixels) {
                    x0 = PIXELS[low & 0xff];
                    x1 = PIXELS[low >>> 8 & 0xff];
                    x2 = PIXELS[low >>> 16 & 0xff];
                    x3 = PIXELS[low >>> 24];
                } else {
                    x0 = values[low];
                    x1 = values[low + 1];
                    x2 = values[low + 2];
                    x3 = values[low + 3];
                }
                int s = FIRST + (int) (entry >>> ROW_SHIFT) * BLOCK;
                FloatVector v0 = all(x0);
                FloatVector v1 = all(x1);
                FloatVector v2 = all(x2);
                FloatVector v3 = all(x3);
                FloatVector s0 = w0.fma(v0, load(sums, s));
                w3.fma(v3, w2.fma(v2, w1.fma(v1, s0))).intoArray(sums, s);
            }
        }
    }

    /**
     * Copies a vector of each row's sums to the result. Returns whether all of them are finite and not zero; if not, the
     * sign bits of {@code sums[s ...]} say from then on where there were zeros.
     */
    private static boolean end(float[] sums, int s, int rows, ByteBuffer out, int o, int outStrideBytes) {
        IntVector zeros = IntVector.zero(VectorLanes.INT_SPECIES);
        IntVector wild = zeros;
        for (int r = 0; r < rows; r++) {
            FloatVector sum = load(sums, r * BLOCK + s);
            sum.intoByteBuffer(out, r * outStrideBytes + o, ORDER);
            IntVector magnitude = sum.reinterpretAsInts().and(MAGNITUDE);
            zeros = zeros.or(magnitude.sub(1));
            wild = wild.or(magnitude.neg().add(LARGEST_FINITE));
        }
        zeros.or(wild).reinterpretAsFloats().intoArray(sums, s);
        return zeros.or(wild).reduceLanes(VectorOperators.OR) >= 0;
    }

    /** Whether a sign bit is set in {@code lanes[s ...]}, but in the padding, where there are no weights: zeros are right there. */
    private static boolean isMarked(float[] lanes, int s, int columns) {
        int bits = 0;
        for (int i = s; i < s + Math.min(columns, WIDTH); i++) {
            bits |= Float.floatToRawIntBits(lanes[i]);
        }
        return bits < 0;
    }

    /** Whether a lane with its sign bit set in {@code lanes[s ...]} has a bias or a weight with any bit set. */
    private static boolean hasWeights(
            float[] lanes, int s, ByteBuffer bias, ByteBuffer w, int inputs, int strideBytes, int h) {
        IntVector bits = load(bias, h).reinterpretAsInts();
        for (int c = 0; c < inputs; c++) {
            bits = bits.or(load(w, c * strideBytes + h).reinterpretAsInts());
        }
        IntVector asked = load(lanes, s).reinterpretAsInts();
        return bits.or(bits.neg()).and(asked).reduceLanes(VectorOperators.OR) < 0;
    }
}
