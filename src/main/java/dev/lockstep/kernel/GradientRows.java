package dev.lockstep.kernel;

import dev.lockstep.memory.FloatMatrix;

/**
 * A run of rows of a step after their forward and backward pass: what the sums of a gradient are made of. It refers to the
 * batch and to matrices of a workspace, and keeps a copy of the hidden layer's deltas on the heap, in blocks of {@value
 * #BLOCK} columns, as the kernel of the first layer's gradient reads them: element (r, h) stands at {@code block(h) + r *
 * BLOCK + h % BLOCK}. Set by one thread; then read by any that learns of it afterwards.
 */
public final class GradientRows {
    /** Columns along the hidden units that kernels compute at a time, at most: four vectors. */
    static final int BLOCK = 4 * Kernels.LANES;

    private final SparseBatch x;
    private final FloatMatrix hiddenDelta;
    private final FloatMatrix z;
    private final FloatMatrix scoreDelta;
    private final float[] packed;
    private boolean finite;

    /**
     * @param x the rows' pixels
     * @param hiddenDelta the loss's gradient by the hidden layer's input [max rows, hidden padded]
     * @param z activations of the hidden layer [max rows, hidden padded]
     * @param scoreDelta the loss's gradient by the scores [max rows, classes padded]
     */
    public GradientRows(SparseBatch x, FloatMatrix hiddenDelta, FloatMatrix z, FloatMatrix scoreDelta) {
        this.x = x;
        this.hiddenDelta = hiddenDelta;
        this.z = z;
        this.scoreDelta = scoreDelta;
        int blocks = (hiddenDelta.stride() + BLOCK - 1) / BLOCK;
        this.packed = new float[Math.multiplyExact(blocks * x.maxRows(), BLOCK)];
    }

    /** Takes over what is in the matrices now. */
    public void set(Kernels kernels) {
        int rows = x.rows();
        int stride = hiddenDelta.stride();
        for (int h = 0; h < stride; h += BLOCK) {
            int width = Math.min(BLOCK, stride - h);
            int at = block(h);
            for (int r = 0; r < rows; r++) {
                hiddenDelta.data().buffer().get(r * stride + h, packed, at + r * BLOCK, width);
            }
        }
        finite = kernels.isFinite(hiddenDelta, rows);
        x.index();
    }

    /** Rows. */
    int rows() {
        return x.rows();
    }

    SparseBatch x() {
        return x;
    }

    /** Where the block of column h, a multiple of {@value #BLOCK}, begins in {@link #packed}. */
    int block(int h) {
        return h / BLOCK * x.maxRows() * BLOCK;
    }

    /** The hidden layer's deltas. */
    float[] packed() {
        return packed;
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
