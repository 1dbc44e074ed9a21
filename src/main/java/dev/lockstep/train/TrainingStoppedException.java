package dev.lockstep.train;

import dev.lockstep.step.StageEndedException;

/**
 * Training ended early because somebody asked for it, or because there was nobody left to go on. The weights are those
 * after {@link #step}; a checkpoint holds the state, unless the end came before training began.
 */
public final class TrainingStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final long step;
    private final boolean begun;

    /** @param cause why it cannot go on; null if somebody asked for its end */
    TrainingStoppedException(long step, String checkpoint, RuntimeException cause) {
        super(
                (cause == null ? "" : cause.getMessage() + "; ") + "stopped after step " + step + "; checkpoint: "
                        + checkpoint,
                cause);
        this.step = step;
        this.begun = true;
    }

    private TrainingStoppedException() {
        super("stopped before the workers had loaded the data; nothing was trained");
        this.step = 0;
        this.begun = false;
    }

    /** What the end of the workers' stage means to a training that waits for them to load the data. */
    public static RuntimeException whileLoading(StageEndedException end) {
        return end.isCancelled() ? new TrainingStoppedException() : end;
    }

    /** Whether somebody asked for the end. */
    public boolean isRequested() {
        return getCause() == null;
    }

    /** Whether training had begun, and can go on from a checkpoint. */
    public boolean hasBegun() {
        return begun;
    }

    /** Steps done. */
    public long step() {
        return step;
    }
}
