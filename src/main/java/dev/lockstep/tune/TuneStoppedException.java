package dev.lockstep.tune;

/** A search ended early because somebody asked for it. What has ended is written down. */
public final class TuneStoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TuneStoppedException(int ends) {
        super("stopped; " + ends + " ends of trials are kept");
    }
}
