package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.nio.ByteBuffer;

/**
 * Parameters, or a gradient, on the wire: only those rows of W1 that say something, everything else whole, and no padding.
 * Rows of pixels that are zero in the whole mini-batch have a gradient of zero, and without momentum and weight decay
 * their weights stay, so about a third of W1 need not travel.
 *
 * <pre>
 *   offset  bytes
 *        0      8 x ceil(inputs / 64)      a bit for each row of W1, lowest first: whether it follows
 *               4 x hidden x rows          those rows
 *               4 x hidden                 b1
 *               4 x hidden x outputs       W2, transposed
 *               4 x outputs                b2
 * </pre>
 *
 * Numbers are copied as they lie in memory, little-endian float32. It holds no state: any thread may use it, on parameters
 * and buffers of its own.
 */
final class ParameterCodec {
    /** Which rows of W1 travel. */
    @FunctionalInterface
    interface Rows {
        /** Whether row {@code row} does. */
        boolean includes(int row);
    }

    private final NetworkShape shape;
    private final Kernels kernels;
    private final int maskWords;
    private final int rowBytes;
    private final int stride;
    private final int strideBytes;
    private final int tailBytes;
    private final ByteBuffer zeros;

    /** @param kernels that compare */
    ParameterCodec(NetworkShape shape, Kernels kernels) {
        this.shape = shape;
        this.kernels = kernels;
        this.maskWords = maskWords(shape);
        this.rowBytes = shape.hidden() * Float.BYTES;
        this.stride = shape.paddedHidden();
        this.strideBytes = shape.paddedHidden() * Float.BYTES;
        this.tailBytes = rowBytes * (1 + shape.outputs()) + shape.outputs() * Float.BYTES;
        this.zeros = ByteBuffer.allocateDirect(strideBytes);
    }

    /** Length of the longest form. */
    long maxBytes() {
        return maxBytes(shape);
    }

    private static int maskWords(NetworkShape shape) {
        return (shape.inputs() + Long.SIZE - 1) / Long.SIZE;
    }

    /** Length of the longest form of parameters of a shape. */
    static long maxBytes(NetworkShape shape) {
        return maskWords(shape) * (long) Long.BYTES + shape.parameters() * Float.BYTES;
    }

    /** Whether a row of W1 is zero, bit for bit. */
    boolean isZero(Parameters p, int row) {
        return kernels.isZero(p.w1().data(), row * stride, (row + 1) * stride);
    }

    /** Makes a row of W1 the same in the second as in the first; returns whether it was not, bit for bit. */
    boolean takeOver(Parameters from, Parameters to, int row) {
        if (kernels.isSame(from.w1().data(), to.w1().data(), row * stride, (row + 1) * stride)) {
            return false;
        }
        int at = row * strideBytes;
        to.w1().data().rawBytes().put(at, from.w1().data().rawBytes(), at, strideBytes);
        return true;
    }

    /** Whether everything but W1 is the same in both, bit for bit. */
    boolean isSameTail(Parameters p, Parameters q) {
        return p.b1().rawBytes().equals(q.b1().rawBytes())
                && p.w2t().data().rawBytes().equals(q.w2t().data().rawBytes())
                && p.b2().rawBytes().equals(q.b2().rawBytes());
    }

    /** Copies everything but W1. */
    void copyTail(Parameters from, Parameters to) {
        to.b1().copyFrom(from.b1());
        to.w2t().data().copyFrom(from.w2t().data());
        to.b2().copyFrom(from.b2());
    }

    /** Appends parameters with the given rows; returns how many rows that were. */
    int write(Parameters p, Rows rows, ByteBuffer out) {
        int mask = out.position();
        out.position(mask + maskWords * Long.BYTES);
        ByteBuffer w1 = p.w1().data().rawBytes();
        int count = 0;
        for (int word = 0; word < maskWords; word++) {
            long bits = 0;
            int end = Math.min(shape.inputs(), (word + 1) * Long.SIZE);
            for (int row = word * Long.SIZE; row < end; row++) {
                if (rows.includes(row)) {
                    bits |= 1L << row;
                    count++;
                    copy(w1, row * strideBytes, out, rowBytes);
                }
            }
            out.putLong(mask + word * Long.BYTES, bits);
        }
        copy(p.b1(), 0, out, rowBytes);
        for (int k = 0; k < shape.outputs(); k++) {
            copy(p.w2t().data(), k * strideBytes, out, rowBytes);
        }
        copy(p.b2(), 0, out, shape.outputs() * Float.BYTES);
        return count;
    }

    private static void copy(FloatArray from, int at, ByteBuffer out, int bytes) {
        copy(from.rawBytes(), at, out, bytes);
    }

    private static void copy(ByteBuffer from, int at, ByteBuffer out, int bytes) {
        out.put(out.position(), from, at, bytes);
        out.position(out.position() + bytes);
    }

    /**
     * Length of the form that begins at the buffer's position.
     *
     * @throws FrameLayout.MalformedFrameException if the buffer ends before it
     */
    int length(ByteBuffer in) {
        int at = in.position();
        int maskBytes = maskWords * Long.BYTES;
        FrameLayout.require(in.remaining() >= maskBytes, "bytes of a row mask", maskBytes, in.remaining());
        int count = 0;
        for (int word = 0; word < maskWords; word++) {
            count += Long.bitCount(in.getLong(at + word * Long.BYTES));
        }
        int unused = maskWords * Long.SIZE - shape.inputs();
        if (unused > 0) {
            long beyond = in.getLong(at + maskBytes - Long.BYTES) >>> (Long.SIZE - unused);
            FrameLayout.require(beyond == 0, "bits beyond the last row", 0, beyond);
        }
        int length = maskBytes + count * rowBytes + tailBytes;
        FrameLayout.require(in.remaining() >= length, "bytes of parameters", length, in.remaining());
        return length;
    }

    /**
     * Reads a form, whose {@link #length} was checked, and moves the buffer's position past it.
     *
     * @param zeroOthers whether rows that did not travel are set to zero, or stay
     */
    void read(ByteBuffer in, Parameters p, boolean zeroOthers) {
        int mask = in.position();
        in.position(mask + maskWords * Long.BYTES);
        ByteBuffer w1 = p.w1().data().rawBytes();
        for (int row = 0; row < shape.inputs(); row++) {
            if ((in.getLong(mask + row / Long.SIZE * Long.BYTES) >>> row & 1) != 0) {
                paste(in, w1, row * strideBytes, rowBytes);
            } else if (zeroOthers) {
                w1.put(row * strideBytes, zeros, 0, rowBytes);
            }
        }
        paste(in, p.b1().rawBytes(), 0, rowBytes);
        for (int k = 0; k < shape.outputs(); k++) {
            paste(in, p.w2t().data().rawBytes(), k * strideBytes, rowBytes);
        }
        paste(in, p.b2().rawBytes(), 0, shape.outputs() * Float.BYTES);
    }

    private static void paste(ByteBuffer in, ByteBuffer to, int at, int bytes) {
        to.put(at, in, in.position(), bytes);
        in.position(in.position() + bytes);
    }
}
