package dev.lockstep.tune;

/** Every trial of a rung went wrong, so none can go on. */
public final class NoTrialLeftException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NoTrialLeftException(TrialEnd one) {
        super("no trial came to the end of its " + one.steps() + " steps; trial " + one.trial() + ": " + one.message()
                + "; try smaller learning rates in the space, or more memory");
    }
}
