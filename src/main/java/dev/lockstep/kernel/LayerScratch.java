package dev.lockstep.kernel;

/**
 * Scratch on the heap for the kernels of the second layer. One thread at a time. What vectors need is made at once: a branch for
 * what is not there yet would be compiled as never taken, and a kernel be compiled anew whenever it meets new scratch.
 */
public final class LayerScratch {
    /** Classes for whose chains {@link #sums} has room. */
    static final int CLASSES = 16;

    private final int paddedHidden;
    private final float[] flat;
    private final float[] turned;
    private final float[] weights;
    private final float[] sums = new float[Kernels.LANES * CLASSES * TurnedRows.ROWS];
    private final float[] scores;
    private final float[] ofRow = new float[3 * TurnedRows.ROWS];
    private final int[] targets = new int[TurnedRows.ROWS];
    private float[][] columns; // made when they are first asked for
    private float[][] chains;

    /**
     * @param paddedHidden hidden units with their padding
     * @param paddedClasses classes with theirs
     */
    public LayerScratch(int paddedHidden, int paddedClasses) {
        this.paddedHidden = paddedHidden;
        this.flat = new float[Math.max(ScalarDense.SCRATCH, Math.max(paddedHidden, paddedClasses))];
        this.turned = new float[paddedHidden * TurnedRows.ROWS];
        this.weights = new float[paddedHidden * paddedClasses];
        this.scores = new float[paddedClasses * TurnedRows.ROWS];
    }

    /** Room for a row of any matrix of the layer, and for {@link ScalarDense#SCRATCH} floats. */
    float[] flat() {
        return flat;
    }

    // --- For plain loops ---

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

    // --- For vectors along the rows ---

    /** {@link TurnedRows} of activations: [hidden padded, {@link TurnedRows#ROWS}]. */
    float[] turned() {
        return turned;
    }

    /** Room for the weights W2 [hidden padded, classes]. */
    float[] weights() {
        return weights;
    }

    /** The chains of some classes' sums: [{@link Kernels#LANES}, {@link #CLASSES}, {@link TurnedRows#ROWS}]. */
    float[] sums() {
        return sums;
    }

    /** {@link TurnedRows} of scores: [classes padded, {@link TurnedRows#ROWS}]. */
    float[] scores() {
        return scores;
    }

    /** A few numbers of each row: [3, {@link TurnedRows#ROWS}]. */
    float[] ofRow() {
        return ofRow;
    }

    /** The class of each row: [{@link TurnedRows#ROWS}]. */
    int[] targets() {
        return targets;
    }
}
