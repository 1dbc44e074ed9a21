package dev.lockstep.train;

import dev.lockstep.net.Parameters;

/**
 * Remembers the weights with the lowest validation loss and says when it has not fallen for a while. Owns the copy. One
 * thread.
 */
final class EarlyStopping implements AutoCloseable {
    private final int patience;
    private final Parameters best;
    private double bestLoss = Double.POSITIVE_INFINITY;
    private long bestStep;
    private int worse;

    /** @param patience evaluations without improvement before stopping, at least 1 */
    EarlyStopping(int patience, Parameters initial) {
        this.patience = patience;
        this.best = new Parameters(initial.shape());
        best.copyFrom(initial);
    }

    void evaluated(long step, double validationLoss, Parameters weights) {
        if (validationLoss < bestLoss) {
            restore(step, validationLoss, 0);
            best.copyFrom(weights);
        } else {
            worse++;
        }
    }

    /** Goes on from a checkpoint; its best weights are copied to {@link #best} by the caller. */
    void restore(long step, double loss, int evaluationsSince) {
        bestStep = step;
        bestLoss = loss;
        worse = evaluationsSince;
    }

    boolean isOver() {
        return worse >= patience;
    }

    Parameters best() {
        return best;
    }

    long bestStep() {
        return bestStep;
    }

    double bestLoss() {
        return bestLoss;
    }

    int evaluationsSinceBest() {
        return worse;
    }

    @Override
    public void close() {
        best.close();
    }
}
