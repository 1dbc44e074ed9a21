package dev.lockstep.step;

import java.util.concurrent.locks.LockSupport;

/** Waiting for what another thread of the process is about to finish. */
final class Waiting {
    /** So many times the core is kept, ten microseconds: most units of a step take no longer, and then another thread may want it. */
    private static final int SPINS = 250;

    private static final int YIELDS = 10_000;
    private static final long PARK_NANOS = 50_000;

    private Waiting() {}

    /**
     * Lets a little time pass: the longer it has been waited for, the less it costs others.
     *
     * @param times how often this has been called for the same wait
     */
    static void pause(int times) {
        if (times < YIELDS) {
            spin(times);
        } else {
            LockSupport.parkNanos(PARK_NANOS);
        }
    }

    /**
     * As {@link #pause}, but the thread never sleeps: it keeps its core for a while, and then whenever nobody else wants it. That
     * leaves the core to the JVM's compiler while a run is young.
     */
    static void spin(int times) {
        if (times < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }
}
