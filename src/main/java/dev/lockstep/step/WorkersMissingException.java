package dev.lockstep.step;

/** A run had no worker for longer than it waits for one. What has been trained so far is whole. */
public final class WorkersMissingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    WorkersMissingException(String message) {
        super(message);
    }
}
