package dev.lockstep.net;

import dev.lockstep.kernel.Gradient;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * One number for each parameter of the network (weights, a gradient, an optimiser's velocity) in one off-heap block,
 * which this object owns. The block holds, one after the other and each starting at a multiple of 64 bytes:
 *
 * <pre>
 *   W1   [inputs, hidden padded]
 *   b1   [hidden padded]
 *   W2   transposed: [outputs, hidden padded]
 *   b2   [outputs padded]
 * </pre>
 *
 * Padding holds zeros. One thread at a time may write.
 */
public final class Parameters implements AutoCloseable {
    private final NetworkShape shape;
    private final OffHeapBlock block;
    private final FloatArray all;
    private final FloatMatrix w1;
    private final FloatArray b1;
    private final FloatMatrix w2t;
    private final FloatArray b2;
    private final Gradient gradient;
    private FloatArray[] shares = {};

    /** Zeros for every parameter of a network. */
    public Parameters(NetworkShape shape) {
        this.shape = shape;
        int hidden = shape.paddedHidden();
        long floats = (shape.inputs() + 1L + shape.outputs()) * hidden + shape.paddedOutputs();
        this.block = OffHeapBlock.allocate(floats * Float.BYTES, "parameters of " + shape);
        this.all = block.floats(0, (int) floats);
        int b1First = shape.inputs() * hidden;
        int w2First = b1First + hidden;
        int b2First = w2First + shape.outputs() * hidden;
        this.w1 = new FloatMatrix(all.slice(0, b1First), shape.inputs(), hidden);
        this.b1 = all.slice(b1First, hidden);
        this.w2t = new FloatMatrix(all.slice(w2First, shape.outputs() * hidden), shape.outputs(), hidden);
        this.b2 = all.slice(b2First, shape.paddedOutputs());
        this.gradient = new Gradient(w1, b1, w2t, b2);
    }

    /** Sizes of the network. */
    public NetworkShape shape() {
        return shape;
    }

    /** W1 [inputs, hidden padded], a view. */
    public FloatMatrix w1() {
        return w1;
    }

    /** b1 [hidden padded], a view. */
    public FloatArray b1() {
        return b1;
    }

    /** W2 transposed [outputs, hidden padded], a view. */
    public FloatMatrix w2t() {
        return w2t;
    }

    /** b2 [outputs padded], a view. */
    public FloatArray b2() {
        return b2;
    }

    /** All four and their padding as one array, a view. */
    public FloatArray all() {
        return all;
    }

    /** The four as a place for a gradient, a view. */
    public Gradient asGradient() {
        return gradient;
    }

    /**
     * Cuts the parameters into shares for several threads: runs of W1's rows, as equal as whole groups of
     * {@link SparseBatch#COLUMNS} allow; the last share is all that comes after W1. One thread, while no other uses {@link #share}.
     *
     * @param count of shares, at least 2
     */
    public void cut(int count) {
        if (shares.length == count) {
            return;
        }
        shares = new FloatArray[count];
        int hidden = shape.paddedHidden();
        int from = 0;
        for (int i = 0; i < count - 1; i++) {
            int to = SparseBatch.firstColumn(shape.inputs(), i + 1, count - 1) * hidden;
            shares[i] = all.slice(from, to - from);
            from = to;
        }
        shares[count - 1] = all.slice(from, all.length() - from);
    }

    /** Share {@code i} of those that {@link #cut} made last, a view. */
    public FloatArray share(int i) {
        return shares[i];
    }

    /** Copies the values of another set of the same shape. */
    public void copyFrom(Parameters source) {
        all.copyFrom(source.all);
    }

    /** A copy, owned by the caller. */
    public Parameters copy() {
        Parameters copy = new Parameters(shape);
        copy.copyFrom(this);
        return copy;
    }

    /** A copy on the heap of one tensor, unpadded and row-major; W2 as [hidden, outputs]. */
    public float[] values(ParameterTensor tensor) {
        float[] values = new float[length(tensor)];
        for (int i = 0; i < values.length; i++) {
            values[i] = get(tensor, i);
        }
        return values;
    }

    /**
     * Sets one tensor from unpadded row-major values; -0.0 becomes 0.0, so that a zero gradient never changes a bit.
     *
     * @throws IllegalArgumentException if the number of values is not the tensor's
     */
    public void setValues(ParameterTensor tensor, float[] values) {
        if (values.length != length(tensor)) {
            throw new IllegalArgumentException(
                    tensor.label() + ": expected " + length(tensor) + " values, found " + values.length);
        }
        for (int i = 0; i < values.length; i++) {
            set(tensor, i, values[i] + 0f);
        }
    }

    /** Number of elements of a tensor, without padding. */
    public int length(ParameterTensor tensor) {
        int length = 1;
        for (int dimension : tensor.dimensions(shape)) {
            length *= dimension;
        }
        return length;
    }

    /** Element {@code i} of a tensor in unpadded row-major order. */
    public float get(ParameterTensor tensor, int i) {
        return all.get(place(tensor, i));
    }

    /** Sets element {@code i} of a tensor in unpadded row-major order. */
    public void set(ParameterTensor tensor, int i, float value) {
        all.set(place(tensor, i), value);
    }

    private int place(ParameterTensor tensor, int i) {
        int hidden = shape.paddedHidden();
        return switch (tensor) {
            case W1 -> i / shape.hidden() * hidden + i % shape.hidden();
            case B1 -> shape.inputs() * hidden + i;
            case W2 -> (shape.inputs() + 1 + i % shape.outputs()) * hidden + i / shape.outputs();
            case B2 -> (shape.inputs() + 1 + shape.outputs()) * hidden + i;
        };
    }

    /** The SHA-256, in hexadecimal, of W1, b1, W2, b2 as little-endian float32, unpadded and row-major. */
    public String sha256() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        for (ParameterTensor tensor : ParameterTensor.values()) {
            float[] values = values(tensor);
            ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            digest.update(bytes.array());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Frees the memory; its views refuse use from then on. */
    @Override
    public void close() {
        block.close();
    }
}
