package dev.lockstep.step;

import dev.lockstep.memory.MemoryGauge;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what other threads or processes do in their own time, with a deadline and a message that says what is missing. */
public final class Await {
    private static final Duration DEADLINE = Duration.ofSeconds(60);
    private static final long LOOK_EVERY_NANOS = 2_000_000;

    private Await() {}

    /** Waits until the condition holds; fails with the message if it does not. */
    public static void until(Supplier<String> missing, BooleanSupplier condition) {
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("after " + DEADLINE + ": " + missing.get());
            }
            LockSupport.parkNanos(LOOK_EVERY_NANOS);
        }
    }

    /** Waits until Spark, which destroys broadcasts when it finds time, has freed all but so many off-heap blocks. */
    public static void offHeapBlocks(long expected) {
        MemoryGauge gauge = MemoryGauge.process();
        until(
                () -> "expected " + expected + " off-heap blocks in use, found " + gauge.blocksInUse() + " of "
                        + gauge.bytesInUse() + " bytes",
                () -> gauge.blocksInUse() == expected);
    }
}
