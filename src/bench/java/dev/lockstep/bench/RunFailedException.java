package dev.lockstep.bench;

/** A run that was to be measured failed. */
final class RunFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param message the run, and what it said */
    RunFailedException(String message) {
        super(message);
    }

    /**
     * @param message the run, and what it said
     * @param cause why
     */
    RunFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
