package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LingeringTest {
    private static final int WINDOW = Lingering.MIN_WINDOW;
    private static final long LINGER_NANOS = 100_000;
    private static final long ALONE_NANOS = 400;

    /** A clock that goes on by what is done: looking at it, and yielding. */
    private long nowNanos = 1_000_000;

    private long heldNanos; // without a yield, while it lingered
    private long yieldedAtNanos;
    private long yieldNanos = ALONE_NANOS;
    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final Lingering lingering = new Lingering(channel.eventLoop(), this::nanoTime, this::yield);

    private long nanoTime() {
        nowNanos += 50;
        return nowNanos;
    }

    private void yield() {
        heldNanos = Math.max(heldNanos, nowNanos - yieldedAtNanos);
        nowNanos += yieldNanos;
        yieldedAtNanos = nowNanos;
    }

    /** Lingers so many times, each to its end; returns for how long the core was held at most. */
    private long linger(int times, long nanosOfYield) {
        heldNanos = 0;
        yieldNanos = nanosOfYield;
        for (int i = 0; i < times; i++) {
            yieldedAtNanos = nowNanos;
            lingering.linger(LINGER_NANOS);
            while (channel.runScheduledPendingTasks() != -1) {
                assertThat(nowNanos).as("a clock that goes on").isPositive();
            }
            heldNanos = Math.max(heldNanos, nowNanos - yieldedAtNanos);
        }
        return heldNanos;
    }

    @Test
    void itLingersForAsLongAsItIsToldAndYieldsAllTheTime() {
        long before = nowNanos;
        assertThat(linger(1, ALONE_NANOS)).isLessThan(1_000);
        assertThat(nowNanos - before).isBetween(LINGER_NANOS, LINGER_NANOS + 2_000);
    }

    @Test
    void whoSharesTheCoreWithAnotherThatLingersHoldsItOnceForLongerThanTheKernelThinksAThreadHot() {
        linger(WINDOW, ALONE_NANOS);
        assertThat(linger(WINDOW - 1, 2_500)).as("not yet sure").isLessThan(1_000);
        assertThat(linger(2, 2_500)).isBetween(500_000L, 700_000L);
        assertThat(linger(WINDOW, 2_500)).as("once").isLessThan(1_000);
    }

    @Test
    void itHoldsTheCoreLessAndLessOftenIfThatDoesNotHelp() {
        linger(WINDOW, ALONE_NANOS);
        AtomicInteger holds = new AtomicInteger();
        for (int i = 0; i < 64 * WINDOW; i++) {
            if (linger(1, 2_500) > 100_000) {
                holds.incrementAndGet();
            }
        }
        assertThat(holds.get()).isBetween(5, 9);
    }

    @Test
    void whoSharesTheCoreWithThoseWhoWorkNeverHoldsIt() {
        linger(WINDOW, ALONE_NANOS);
        assertThat(linger(4 * WINDOW, 50_000)).isLessThan(1_000);
        assertThat(linger(4 * WINDOW, 2_000_000)).isLessThan(1_000);
    }

    @Test
    void anEventLoopWorksWhileItLingersAndSleepsAfterwards() throws Exception {
        EventLoop loop = new DefaultEventLoop();
        try {
            AtomicInteger yields = new AtomicInteger();
            Lingering real = new Lingering(loop, System::nanoTime, yields::incrementAndGet);
            loop.submit(() -> real.linger(TimeUnit.SECONDS.toNanos(3600))).get(60, TimeUnit.SECONDS);
            int before = yields.get();
            Await.until(() -> "looks: " + yields, () -> yields.get() > before + 1_000);
            loop.submit(() -> real.linger(0)).get(60, TimeUnit.SECONDS);
            loop.submit(() -> {}).get(60, TimeUnit.SECONDS);
            int after = yields.get();
            loop.submit(() -> {}).get(60, TimeUnit.SECONDS);
            assertThat(yields).as("looks after the end").hasValueLessThanOrEqualTo(after + 1);
        } finally {
            loop.shutdownGracefully(0, 10, TimeUnit.SECONDS).get(60, TimeUnit.SECONDS);
        }
    }
}
