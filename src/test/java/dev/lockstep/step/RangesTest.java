package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class RangesTest {
    @Test
    void whoHadARangeGetsItAgain() {
        Ranges ranges = new Ranges();
        ranges.begin(4);
        assertThat(List.of(ranges.take("a"), ranges.take("b"), ranges.take("b"), ranges.take("a")))
                .containsExactly(0, 1, 2, 3);
        ranges.begin(4);
        assertThat(List.of(ranges.take("b"), ranges.take("a"), ranges.take("a"), ranges.take("b")))
                .containsExactly(1, 0, 3, 2);
        assertThatIllegalStateException().isThrownBy(() -> ranges.take("a")).withMessageContaining("none of 4");
    }

    @Test
    void whoHasNoneLeftTakesThoseOfOthers() {
        Ranges ranges = new Ranges();
        ranges.begin(2);
        ranges.take("a");
        ranges.take("b");
        ranges.begin(3);
        assertThat(List.of(ranges.take("b"), ranges.take("b"), ranges.take("b")))
                .containsExactlyInAnyOrder(0, 1, 2);
        assertThat(ranges.isOf("b", 0) && ranges.isOf("b", 1) && ranges.isOf("b", 2))
                .isTrue();
        assertThat(ranges.isOf("a", 0)).isFalse();
    }

    @Test
    void severalThreadsTakeEachRangeOnce() throws InterruptedException {
        int threads = 4;
        int rounds = 5_000;
        int each = 3;
        Ranges ranges = new Ranges();
        AtomicIntegerArray taken = new AtomicIntegerArray(threads * each);
        CyclicBarrier barrier = new CyclicBarrier(threads, () -> ranges.begin(threads * each));
        List<Thread> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            Thread thread = new Thread(() -> {
                for (int round = 0; round < rounds; round++) {
                    await(barrier);
                    for (int i = 0; i < each; i++) {
                        taken.incrementAndGet(ranges.take(Thread.currentThread()));
                    }
                }
            });
            thread.start();
            all.add(thread);
        }
        for (Thread thread : all) {
            thread.join();
        }
        for (int i = 0; i < taken.length(); i++) {
            assertThat(taken.get(i)).as("range " + i).isEqualTo(rounds);
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
