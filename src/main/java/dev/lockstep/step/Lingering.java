package dev.lockstep.step;

import io.netty.channel.EventLoop;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Keeps an event loop from sleeping for a while: it looks for what comes again and again, and yields its core to whoever wants it
 * in between. The event loop's thread.
 *
 * <p>Two processes of one machine that linger on the same core yield it to each other, while another core may have nothing to do: the
 * kernel does not move a thread that has run within the last half of a millisecond (Linux: {@code sched_migration_cost_ns}),
 * and these two do all the time. Yields that come back after a moment, and not at once, tell so. Then this one holds the
 * core for a little longer than that, and the other one can be moved.
 */
final class Lingering {
    /** A yield that nobody takes is as short as the shortest; one that somebody takes who yields too takes this many times that. */
    private static final int CROWDED_FACTOR = 3;
    /** Who has the core for longer than this does something, and does not linger. */
    private static final long MOMENT_NANOS = 20_000;
    /** Of so many lingerings there is less than half a crowded yield each while every core has one of those who linger. */
    static final int MIN_WINDOW = 64;
    /** Windows are twice as long each time that the core was held in vain, since there may be no better one for the other. */
    private static final int MAX_WINDOW = 1024;

    private static final long HOLD_NANOS = 600_000;

    private final EventLoop loop;
    private final LongSupplier nanoTime;
    private final Runnable yield;
    private ScheduledFuture<?> looking; // null while it does not linger
    private long untilNanos;
    private long shortestNanos = Long.MAX_VALUE; // of all yields
    private int window = MIN_WINDOW;
    private int lingerings; // in this window
    private int crowdedYields; // in this window
    private boolean isCrowded; // in the window before, and the core has not been held since

    Lingering(EventLoop loop) {
        this(loop, System::nanoTime, Thread::yield);
    }

    /** For tests, with a clock and a scheduler of their own. */
    Lingering(EventLoop loop, LongSupplier nanoTime, Runnable yield) {
        this.loop = loop;
        this.nanoTime = nanoTime;
        this.yield = yield;
    }

    /** Lingers for so long, from now on. */
    void linger(long nanos) {
        untilNanos = nanoTime.getAsLong() + nanos;
        lingerings++;
        if (lingerings == window) {
            isCrowded = crowdedYields >= window / 2;
            window = isCrowded ? Math.min(2 * window, MAX_WINDOW) : MIN_WINDOW;
            lingerings = 0;
            crowdedYields = 0;
        }
        if (looking == null) { // an event loop that has a task to do does not sleep
            looking = loop.scheduleWithFixedDelay(this::look, 1, 1, TimeUnit.NANOSECONDS);
        }
    }

    /** Lets the event loop sleep again. */
    void end() {
        if (looking != null) {
            looking.cancel(false);
            looking = null;
        }
    }

    private void look() {
        long before = nanoTime.getAsLong();
        if (before >= untilNanos) {
            end();
            return;
        }
        yield.run();
        long after = nanoTime.getAsLong();
        long nanos = after - before;
        shortestNanos = Math.min(shortestNanos, nanos);
        if (nanos > CROWDED_FACTOR * shortestNanos && nanos < MOMENT_NANOS) {
            crowdedYields++;
            if (isCrowded) {
                isCrowded = false;
                hold(after + HOLD_NANOS);
            }
        }
    }

    private void hold(long holdUntilNanos) {
        while (nanoTime.getAsLong() < holdUntilNanos) {
            Thread.onSpinWait();
        }
    }
}
