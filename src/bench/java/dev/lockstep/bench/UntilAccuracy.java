package dev.lockstep.bench;

import java.io.IOException;
import java.util.Map;

/**
 * The shortest training that reaches an accuracy. How long that is, is found out in the first round, by making the training
 * longer until it is good enough; the same training gives the same model each time, so the others are as long.
 */
final class UntilAccuracy implements Side {
    /** Test accuracy that is to be reached. */
    static final double WANTED = 0.968;

    /** A training of a given length. */
    @FunctionalInterface
    interface Training {
        /** Trains anew. */
        Map<String, Double> run(int length) throws IOException;
    }

    private final Training training;
    private final int stride;
    private final int longest;
    private int length;

    /**
     * @param length what is tried first
     * @param stride by how much it is made longer
     * @param longest what is tried last
     */
    UntilAccuracy(Training training, int length, int stride, int longest) {
        this.training = training;
        this.length = length;
        this.stride = stride;
        this.longest = longest;
    }

    @Override
    public Map<String, Double> run() throws IOException {
        while (true) {
            Map<String, Double> figures = training.run(length);
            double accuracy = figures.get(TEST_ACCURACY);
            if (accuracy >= WANTED) {
                return figures;
            }
            if (length + stride > longest) {
                throw new RunFailedException(
                        "expected a test accuracy of " + WANTED + ", found " + accuracy + " after " + length);
            }
            length += stride;
        }
    }
}
