package dev.lockstep.bench;

/** The parts of a step's arithmetic that are timed one by one. */
public enum StepKernel {
    /** The first layer: rows of W1 for the pixels that are not zero. */
    FORWARD("forward, first layer"),
    ACTIVATION("activation"),
    SECOND_LAYER("forward, second layer"),
    LOSS_AND_DELTA("softmax, loss and delta"),
    HIDDEN_DELTA("hidden delta"),
    /** Deltas laid out as the next one reads them. */
    PACKING("packing of the hidden delta"),
    /** The first layer's: rows of delta for the pixels that are not zero. */
    GRADIENT("gradient, first layer"),
    SECOND_GRADIENT("gradient, second layer and biases"),
    UPDATE("update");

    private final String label;

    StepKernel(String label) {
        this.label = label;
    }

    /** For people. */
    String label() {
        return label;
    }

    /**
     * Bytes that it has to move, by what it is for and not by how it is made: of each product of a pixel that is not zero, the
     * row of the hidden layer that is multiplied; the pixels; and every other array that is read or written, once.
     *
     * @param rows examples
     * @param nonZeros pixels that are not zero
     * @param inputs pixels of an image
     * @param hidden width of the hidden layer, padded
     * @param classes padded
     */
    long bytes(long rows, long nonZeros, long inputs, long hidden, long classes) {
        long pixel = Integer.BYTES + Float.BYTES;
        long w1 = inputs * hidden * Float.BYTES;
        long w2 = classes * hidden * Float.BYTES;
        long z = rows * hidden * Float.BYTES;
        long scores = rows * classes * Float.BYTES;
        long products = nonZeros * (pixel + hidden * Float.BYTES);
        return switch (this) {
            case FORWARD -> products + z;
            case ACTIVATION, PACKING -> 2 * z;
            case SECOND_LAYER -> z + w2 + scores;
            case LOSS_AND_DELTA -> 2 * scores;
            case HIDDEN_DELTA -> scores + w2 + 2 * z;
            case GRADIENT -> products + w1;
            case SECOND_GRADIENT -> 2 * (scores + z) + w2;
            case UPDATE -> 3 * (w1 + w2);
        };
    }
}
