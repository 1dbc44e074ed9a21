package dev.lockstep.kernel;

import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;

/**
 * A run of rows of a step after their forward and backward pass: what the sums of a gradient are made of. It refers to the
 * batch and to matrices of a workspace, and keeps a copy of the hidden layer's deltas on the heap, in blocks of {@value
 * #BLOCK} columns, as the kernel of the first layer's gradient reads them: one behind the other ({@link #packed}), or an array
 * each ({@link #blocks}). Set by one thread; then read by any that learns of it afterwards.
 */
public final class GradientRows {
    /** Columns along the hidden units that kernels compute at a time, at most: four vectors. */
    static final int BLOCK = 4 * Kernels.LANES;

    private final SparseBatch x;
    private final FloatMatrix hiddenDelta;
    private final FloatMatrix z;
    private final FloatMatrix scoreDelta;
    private final int units;
    private float[] packed; // made when kernels first want it, as the next
    private float[][] blocks;
    private boolean finite;

    /**
     * @param x the rows' pixels
     * @param hiddenDelta the loss's gradient by the hidden layer's input [max rows, hidden padded]
     * @param z activations of the hidden layer [max rows, hidden padded]
     * @param scoreDelta the loss's gradient by the scores [max rows, classes padded]
     * @param units hidden units; the columns beyond them are padding, which is zero
     */
    public GradientRows(SparseBatch x, FloatMatrix hiddenDelta, FloatMatrix z, FloatMatrix scoreDelta, int units) {
        this.x = x;
        this.hiddenDelta = hiddenDelta;
        this.z = z;
        this.scoreDelta = scoreDelta;
        this.units = units;
    }

    /** Takes over what is in the matrices now. */
    public void set(Kernels kernels) {
        int count = (hiddenDelta.stride() + BLOCK - 1) / BLOCK * x.maxRows();
        if (kernels.readsBlocks()) {
            blocks = blocks == null ? new float[count][BLOCK] : blocks;
        } else {
            packed = packed == null ? AlignedFloats.make(Math.multiplyExact(count, BLOCK)) : packed;
        }
        copy(kernels.readsBlocks());
        if (kernels.readsBlocks()) {
            x.listValues();
        }
        finite = kernels.isFinite(hiddenDelta, x.rows());
    }

    private void copy(boolean toBlocks) {
        int stride = hiddenDelta.stride();
        FloatBuffer deltas = hiddenDelta.data().buffer();
        for (int h = 0; h < stride; h += BLOCK) {
            int width = Math.min(BLOCK, stride - h);
            int first = block(h);
            for (int r = 0; r < x.rows(); r++) {
                float[] to = toBlocks ? blocks[first + r] : packed;
                deltas.get(r * stride + h, to, toBlocks ? 0 : AlignedFloats.FIRST + (first + r) * BLOCK, width);
            }
        }
    }

    /** Rows. */
    int rows() {
        return x.rows();
    }

    /** Hidden units. */
    int units() {
        return units;
    }

    SparseBatch x() {
        return x;
    }

    /** The number of the block of row 0 and column h, a multiple of {@value #BLOCK}; those of the rows after it follow. */
    int block(int h) {
        return h / BLOCK * x.maxRows();
    }

    /** The hidden layer's deltas, block after block from {@link AlignedFloats#FIRST} on, for kernels that read them so. */
    float[] packed() {
        return packed;
    }

    /** The hidden layer's deltas, an array for each block, for kernels that read them so. */
    float[][] blocks() {
        return blocks;
    }

    FloatMatrix hiddenDelta() {
        return hiddenDelta;
    }

    FloatMatrix z() {
        return z;
    }

    FloatMatrix scoreDelta() {
        return scoreDelta;
    }

    /** Whether all of the hidden layer's deltas are finite: only then a product with 0 may be added for no element. */
    boolean isFinite() {
        return finite;
    }
}
