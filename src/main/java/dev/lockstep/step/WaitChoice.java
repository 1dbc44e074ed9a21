package dev.lockstep.step;

import java.util.Arrays;

/**
 * How the training thread waits for parts of other processes: by parking at once, or by yielding its core for a while before it
 * parks. To be woken takes time; but a thread that yields still gets its share of a core, which others lack, be they executors
 * on the same machine or the JVM's compiler while a run is young. Which is better changes in a run, and by the minute on a machine
 * that is not alone on its host. So it is measured again and again: some steps one way, some the other, then many the way that
 * was faster. One thread.
 */
final class WaitChoice {
    /** Steps that are measured, either way. */
    static final int TRIAL_STEPS = 32;
    /** Steps between two measurements. */
    static final int KEPT_STEPS = 448;

    private final long[] nanos = new long[TRIAL_STEPS];
    private int step; // from one measurement to the next: TRIAL_STEPS yielding, as many parking, KEPT_STEPS
    private long beganNanos;
    private long yieldingNanos;
    private boolean isYieldingFaster = true;

    /** A step begins; returns whether to yield in it. */
    boolean yields(long nowNanos) {
        if (step > 0 && step <= 2 * TRIAL_STEPS) {
            nanos[(step - 1) % TRIAL_STEPS] = nowNanos - beganNanos;
        }
        if (step == TRIAL_STEPS) {
            yieldingNanos = typical();
        } else if (step == 2 * TRIAL_STEPS) {
            isYieldingFaster = yieldingNanos <= typical();
        } else if (step == 2 * TRIAL_STEPS + KEPT_STEPS) {
            step = 0;
        }
        beganNanos = nowNanos;
        boolean yields = step < TRIAL_STEPS || (step >= 2 * TRIAL_STEPS && isYieldingFaster);
        step++;
        return yields;
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
