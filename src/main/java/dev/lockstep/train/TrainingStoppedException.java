package dev.lockstep.train;

/** Training ended early because somebody asked for it. The weights are those after {@link #step}; a checkpoint holds the state. */
public final class TrainingStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final long step;

    TrainingStoppedException(long step, String checkpoint) {
        super("stopped after step " + step + "; checkpoint: " + checkpoint);
        this.step = step;
    }

    /** Steps done. */
    public long step() {
        return step;
    }
}
