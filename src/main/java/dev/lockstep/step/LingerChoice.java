package dev.lockstep.step;

import java.util.Arrays;

/**
 * Whether workers linger after their answer ({@link Lingering}). Who sleeps is woken late, and where the kernel thinks best,
 * which with two executors on two cores may be one core for both; but who lingers takes part of a core, which the JVM's
 * compiler lacks while a run is young. Which is better changes in a run, and by the minute on a machine that is not alone on its
 * host. So it is measured again and again: many steps the way that was faster, then some sleeping and some lingering. One
 * thread at a time.
 */
final class LingerChoice {
    /** Steps between two measurements. */
    static final int KEPT_STEPS = 480;
    /** Steps that are measured, either way. */
    static final int TRIAL_STEPS = 16;

    private final long[] nanos = new long[TRIAL_STEPS];
    private int step; // from one measurement to the next
    private long beganNanos;
    private long sleepingNanos;
    private boolean lingers;

    /** A step begins; returns whether workers are to linger after it. */
    boolean lingers(long nowNanos) {
        int trial = step - KEPT_STEPS;
        if (trial > 0) {
            nanos[(trial - 1) % TRIAL_STEPS] = nowNanos - beganNanos;
        }
        if (trial == TRIAL_STEPS) {
            sleepingNanos = typical();
        } else if (trial == 2 * TRIAL_STEPS) {
            // Of two ways that take the same time, lingering is the one that gets better.
            lingers = typical() < sleepingNanos + sleepingNanos / 8;
            step = 0;
            trial = -KEPT_STEPS;
        }
        beganNanos = nowNanos;
        step++;
        return trial < 0 ? lingers : trial >= TRIAL_STEPS;
    }

    /** All but the longest quarter, in which something else happened. */
    private long typical() {
        Arrays.sort(nanos);
        long sum = 0;
        for (int i = 0; i < TRIAL_STEPS * 3 / 4; i++) {
            sum += nanos[i];
        }
        return sum;
    }
}
