package dev.lockstep.train;

/**
 * Training ended early because somebody asked for it, or because there was nobody left to go on. The weights are those
 * after {@link #step}; a checkpoint holds the state.
 */
public final class TrainingStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final long step;

    /** @param cause why it cannot go on; null if somebody asked for its end */
    TrainingStoppedException(long step, String checkpoint, RuntimeException cause) {
        super(
                (cause == null ? "" : cause.getMessage() + "; ") + "stopped after step " + step + "; checkpoint: "
                        + checkpoint,
                cause);
        this.step = step;
    }

    /** Whether somebody asked for the end. */
    public boolean isRequested() {
        return getCause() == null;
    }

    /** Steps done. */
    public long step() {
        return step;
    }
}
