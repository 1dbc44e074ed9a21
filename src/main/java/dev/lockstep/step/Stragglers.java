package dev.lockstep.step;

import java.util.Collection;

/**
 * Finds members for whom alone all others wait during most of the time. Single steps say little: a step may take a
 * millisecond, and somebody is always last. So the waits of about a second of steps are added up. Times are in
 * nanoseconds of one clock. Guarded by the coordinator's monitor.
 */
final class Stragglers {
    static final long WINDOW_NANOS = 1_000_000_000L;

    /** A process that has just come runs code that is not compiled yet. */
    static final int WARM_UP_STEPS = 20;

    private boolean isGradient;
    private long beganNanos;
    private long lastNanos;
    private long lastButOneNanos;
    private Seats.Seat last;
    private int deliveries;
    private boolean isDisturbed;
    private long windowNanos;
    private long windowSteps;

    /**
     * A round begins.
     *
     * @param ofGradient whether it is a step, whose times are those that people are told
     */
    void begin(long nowNanos, boolean ofGradient) {
        isGradient = ofGradient;
        beganNanos = nowNanos;
        lastNanos = nowNanos;
        deliveries = 0;
        isDisturbed = false;
        last = null;
    }

    /** A member has delivered what it was ordered. */
    void delivered(Seats.Seat seat, long nowNanos) {
        lastButOneNanos = lastNanos;
        lastNanos = nowNanos;
        last = seat;
        deliveries++;
        seat.steps++;
        if (isGradient) {
            seat.gradients++;
            seat.answerNanos += nowNanos - beganNanos;
        }
    }

    /** Somebody has left, and others do its share late in the step: nobody is to blame. */
    void disturb() {
        isDisturbed = true;
    }

    /**
     * The step is whole.
     *
     * @return a member to be named, which is returned once; null for none
     */
    Seats.Seat end(Collection<Seats.Seat> seats) {
        if (isDisturbed || deliveries < 2) {
            return null;
        }
        if (isGradient) {
            last.aloneNanos += lastNanos - lastButOneNanos;
        }
        if (last.steps <= WARM_UP_STEPS) {
            return null;
        }
        last.straggledNanos += lastNanos - lastButOneNanos;
        windowNanos += lastNanos - beganNanos;
        windowSteps++;
        if (windowNanos < WINDOW_NANOS) {
            return null;
        }
        Seats.Seat straggler = null;
        for (Seats.Seat seat : seats) {
            if (2 * seat.straggledNanos > windowNanos && !seat.isNamedStraggler) {
                straggler = seat; // there can be only one of whom this is true
                seat.isNamedStraggler = true;
                seat.straggling = "%d ms of the last %d ms of training (%d steps)"
                        .formatted(seat.straggledNanos / 1_000_000, windowNanos / 1_000_000, windowSteps);
            }
            seat.straggledNanos = 0;
        }
        windowNanos = 0;
        windowSteps = 0;
        return straggler;
    }
}
