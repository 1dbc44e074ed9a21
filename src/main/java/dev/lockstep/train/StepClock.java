package dev.lockstep.train;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;

/**
 * Measures the training loop: time of each step, collections, and bytes that the thread allocates that takes the step. One
 * thread at a time; allocates nothing between {@link #begin}, {@link #gradientDone} and {@link #end}, which come in this order.
 */
final class StepClock {
    /** Percentiles are of this many newest steps: 8 MB. */
    private static final int MAX_SAMPLES = 1 << 20;

    private final com.sun.management.ThreadMXBean threads =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final long[] nanos;
    private final long collectionsBefore = collections();
    private long steps;
    private long totalNanos;
    private long gradientNanos;
    private long allocatedBytes;
    private long allocatedSteps;
    private long beganNanos;
    private long allocatedBefore;
    private Thread beganBy;

    StepClock(long expectedSteps) {
        this.nanos = new long[(int) Math.min(expectedSteps, MAX_SAMPLES)];
    }

    void begin() {
        beganBy = Thread.currentThread();
        allocatedBefore = threads.getCurrentThreadAllocatedBytes();
        beganNanos = System.nanoTime();
    }

    /** The gradient is there, and the update begins. */
    void gradientDone() {
        gradientNanos += System.nanoTime() - beganNanos;
    }

    /** The step is done; returns how long it took, in nanoseconds. */
    long end() {
        long elapsed = System.nanoTime() - beganNanos;
        if (Thread.currentThread() == beganBy) { // of a step that another thread ends they are not known
            allocatedBytes += threads.getCurrentThreadAllocatedBytes() - allocatedBefore;
            allocatedSteps++;
        }
        nanos[(int) (steps % nanos.length)] = elapsed;
        totalNanos += elapsed;
        steps++;
        return elapsed;
    }

    StepTimes times() {
        return new StepTimes(
                steps,
                totalNanos / 1e9,
                gradientNanos / 1e9,
                StepMillis.of(Arrays.copyOf(nanos, (int) Math.min(steps, nanos.length))),
                allocatedSteps == 0 ? 0 : allocatedBytes / allocatedSteps,
                collections() - collectionsBefore);
    }

    private static long collections() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .mapToLong(GarbageCollectorMXBean::getCollectionCount)
                .sum();
    }
}
