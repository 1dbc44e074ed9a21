package dev.lockstep.step;

/** Spark ended the workers' stage before the run was over: somebody cancelled it, or tasks failed too often. */
public final class StageEndedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean cancelled;

    StageEndedException(boolean cancelled, String reason, Throwable cause) {
        super("Spark ended the workers' stage: " + reason, cause);
        this.cancelled = cancelled;
    }

    /** Whether somebody wanted it to end. */
    public boolean isCancelled() {
        return cancelled;
    }
}
