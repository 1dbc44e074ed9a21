package dev.lockstep.step;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Who computes which range of the parameters. Several threads take ranges until none is left, in round after round, each if it
 * can one that it had the last time: what it wrote then, weights or a gradient, is in its own core's cache. Half of a step's
 * weights are then not fetched from another core.
 */
final class Ranges {
    private AtomicIntegerArray takenIn = new AtomicIntegerArray(0);
    private AtomicReferenceArray<Object> lastBy = new AtomicReferenceArray<>(0);
    private int round;
    private int count;

    /** Begins a round, in which ranges 0 to {@code ranges} - 1 are taken. One thread, while no other is inside. */
    void begin(int ranges) {
        if (ranges > takenIn.length()) {
            takenIn = new AtomicIntegerArray(ranges);
            lastBy = new AtomicReferenceArray<>(ranges);
        }
        count = ranges;
        round++;
    }

    /**
     * A range that nobody has taken in this round, one that this thread took last if there is one. Any thread that knows of the
     * round, as often as there are ranges in all.
     */
    int take(Object thread) {
        for (int i = 0; i < count; i++) {
            if (isOf(thread, i) && take(i)) {
                return i;
            }
        }
        for (int i = 0; i < count; i++) {
            if (take(i)) {
                lastBy.setPlain(i, thread);
                return i;
            }
        }
        throw new IllegalStateException("none of " + count + " ranges is left");
    }

    /** Whether this thread took a range last. */
    boolean isOf(Object thread, int i) {
        return lastBy.getPlain(i) == thread;
    }

    private boolean take(int i) {
        int before = takenIn.get(i);
        return before != round && takenIn.compareAndSet(i, before, round);
    }
}
