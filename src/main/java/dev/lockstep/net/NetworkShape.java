package dev.lockstep.net;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.memory.OffHeapBlock;
import java.io.Serializable;

/**
 * The sizes of a two-layer network.
 *
 * @param inputs pixels of an image
 * @param hidden hidden units
 * @param outputs classes, at most 256
 */
public record NetworkShape(int inputs, int hidden, int outputs) implements Serializable {
    /** Checks that every size is positive. */
    public NetworkShape {
        if (inputs < 1 || hidden < 1 || outputs < 1 || outputs > 256) {
            throw new IllegalArgumentException("network " + inputs + "-" + hidden + "-" + outputs
                    + ": expected positive sizes and at most 256 outputs");
        }
    }

    /** Hidden units, padded to a multiple of {@link Kernels#LANES}. */
    public int paddedHidden() {
        return Math.toIntExact(OffHeapBlock.roundUp(hidden, Kernels.LANES));
    }

    /** Classes, padded to a multiple of {@link Kernels#LANES}. */
    public int paddedOutputs() {
        return Math.toIntExact(OffHeapBlock.roundUp(outputs, Kernels.LANES));
    }

    /** Number of parameters: weights and biases of both layers, without padding. */
    public long parameters() {
        return (inputs + 1L) * hidden + (hidden + 1L) * outputs;
    }

    @Override
    public String toString() {
        return inputs + "-" + hidden + "-" + outputs;
    }
}
