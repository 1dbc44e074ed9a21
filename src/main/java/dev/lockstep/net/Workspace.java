package dev.lockstep.net;

import dev.lockstep.kernel.GradientRows;
import dev.lockstep.kernel.LayerScratch;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;

/**
 * What one forward and backward pass writes on its way, off-heap and reused from pass to pass. Owned by one thread at a
 * time.
 */
public final class Workspace implements AutoCloseable {
    private final OffHeapBlock block;
    private final FloatMatrix hidden;
    private final FloatMatrix hiddenDelta;
    private final FloatMatrix scores;
    private final FloatArray losses;
    private final GradientRows rows;
    private final LayerScratch scratch;

    /**
     * @param shape the network
     * @param batch the batches that pass; owned by the caller
     */
    public Workspace(NetworkShape shape, SparseBatch batch) {
        int maxRows = batch.maxRows();
        int hiddenFloats = Math.multiplyExact(maxRows, shape.paddedHidden());
        int scoreFloats = Math.multiplyExact(maxRows, shape.paddedOutputs());
        long bytes = (2L * hiddenFloats + scoreFloats + maxRows) * Float.BYTES;
        this.block = OffHeapBlock.allocate(bytes, "activations of " + maxRows + " examples");
        this.hidden = new FloatMatrix(block.floats(0, hiddenFloats), maxRows, shape.paddedHidden());
        int offset = hiddenFloats * Float.BYTES;
        this.hiddenDelta = new FloatMatrix(block.floats(offset, hiddenFloats), maxRows, shape.paddedHidden());
        offset += hiddenFloats * Float.BYTES;
        this.scores = new FloatMatrix(block.floats(offset, scoreFloats), maxRows, shape.paddedOutputs());
        offset += scoreFloats * Float.BYTES;
        this.losses = block.floats(offset, maxRows);
        this.scratch = new LayerScratch(shape.paddedHidden(), shape.paddedOutputs());
        this.rows = new GradientRows(batch, hiddenDelta, hidden, scores, shape.hidden());
    }

    /** Activations of the hidden layer z [rows, hidden padded]. */
    FloatMatrix hidden() {
        return hidden;
    }

    /** The loss's gradient by the hidden layer's input [rows, hidden padded]. */
    FloatMatrix hiddenDelta() {
        return hiddenDelta;
    }

    /** Scores of the classes [rows, outputs padded], then probabilities or the loss's gradient by the scores. */
    FloatMatrix scores() {
        return scores;
    }

    /** After {@link TwoLayerNet#backward}: what the rows contribute to the gradient. */
    public GradientRows rows() {
        return rows;
    }

    /** Scratch for the kernels of the second layer. */
    LayerScratch scratch() {
        return scratch;
    }

    /** The loss of each row [rows]. */
    public FloatArray losses() {
        return losses;
    }

    @Override
    public void close() {
        block.close();
    }
}
