package dev.lockstep.bench;

/** What a side needs is not here: a peer that is not on this machine, or data that are not large enough. */
final class AbsentException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** @param message what is missing, and what was tried */
    AbsentException(String message) {
        super(message);
    }
}
