package dev.lockstep.train;

/**
 * Watches a run. Called between steps, in order, by one thread at a time: the training thread, or for {@link #stepDone} after a
 * step without a line of metrics one that ends steps for it, and must not wait long. What it does counts as no step's time.
 */
public interface TrainingListener {
    /** After a step. Called for every step: cheap unless the listener decides otherwise. */
    default void stepDone(StepReport report) {}

    /** After an evaluation. */
    default void evaluated(Evaluation evaluation) {}

    /** Something that a person should know; the run goes on. */
    default void warned(String message) {}

    /**
     * What a step did.
     *
     * @param step number of steps done, so 1 after the first
     * @param loss mean loss of its mini-batch, before the update
     * @param learningRate of its update
     * @param nanos that it took
     */
    record StepReport(long step, double loss, float learningRate, long nanos) {}
}
