package dev.lockstep.memory;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the off-heap bytes that this process holds through {@link OffHeapBlock}. Memory is a resource of the process
 * (the JDK counts its direct buffers the same way), so there is one gauge a process. Safe for any thread.
 */
public final class MemoryGauge {
    private static final MemoryGauge PROCESS = new MemoryGauge();

    private final AtomicLong bytesInUse = new AtomicLong();
    private final AtomicLong peakBytes = new AtomicLong();
    private final AtomicLong blocksInUse = new AtomicLong();

    private MemoryGauge() {}

    /** The gauge of this process. */
    public static MemoryGauge process() {
        return PROCESS;
    }

    /** Bytes of all blocks that are open now. */
    public long bytesInUse() {
        return bytesInUse.get();
    }

    /** The largest value that {@link #bytesInUse()} has had in this process. */
    public long peakBytes() {
        return peakBytes.get();
    }

    /** Blocks that are open now. */
    public long blocksInUse() {
        return blocksInUse.get();
    }

    void allocated(long bytes) {
        blocksInUse.incrementAndGet();
        peakBytes.accumulateAndGet(bytesInUse.addAndGet(bytes), Math::max);
    }

    void freed(long bytes) {
        blocksInUse.decrementAndGet();
        bytesInUse.addAndGet(-bytes);
    }
}
