package dev.lockstep.kernel;

/** Scratch on the heap for the kernels of the second layer. One thread at a time. */
public final class LayerScratch {
    private final int paddedHidden;
    private final float[] flat;
    private float[][] columns; // made when they are first asked for, as the next
    private float[][] chains;

    /** @param paddedHidden hidden units with their padding */
    public LayerScratch(int paddedHidden) {
        this.paddedHidden = paddedHidden;
        this.flat = new float[(Math.max(paddedHidden, 2 * Kernels.LANES) + 2) * Kernels.LANES];
    }

    /** {@link Kernels#LANES} floats for each hidden unit and for two more; for a narrow layer, seven blocks of hidden units. */
    float[] flat() {
        return flat;
    }

    /** Some rows' activations, hidden unit by hidden unit: [hidden padded, {@link ScalarDense#ROWS}]. */
    float[][] columns() {
        if (columns == null) {
            columns = new float[paddedHidden][ScalarDense.ROWS];
        }
        return columns;
    }

    /** The chains of some rows' sums: [{@link Kernels#LANES}, {@link ScalarDense#ROWS}]. */
    float[][] chains() {
        if (chains == null) {
            chains = new float[Kernels.LANES][ScalarDense.ROWS];
        }
        return chains;
    }
}
