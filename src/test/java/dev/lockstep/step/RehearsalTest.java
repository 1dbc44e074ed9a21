package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class RehearsalTest {
    private static final int SHARDS = 7;
    private static final int WITHOUT_TIME = 1_000; // questions for the time that has passed, one a step

    @TempDir
    private Path directory;

    @Test
    void endsWhenTheThreadHasHadItsTime() {
        AtomicLong cpuNanos = new AtomicLong();
        assertThat(rehearse(() -> cpuNanos.addAndGet(500_000_000))).isBetween(1, 4);
    }

    /** On a busy machine the clock on the wall goes on while the thread has no core; that must not be the end. */
    @Test
    void goesOnWhileTheThreadHasNoTime() {
        AtomicInteger asked = new AtomicInteger();
        // That steps allocate nothing any more is not certain in a JVM that has run other tests before; then this ends
        // it.
        LongSupplier cpuNanos = () -> asked.incrementAndGet() <= WITHOUT_TIME ? 0 : Long.MAX_VALUE;
        assertThat(rehearse(cpuNanos)).isBetween(100, WITHOUT_TIME);
    }

    private int rehearse(LongSupplier cpuNanos) {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 40, Sampling.REPLACEMENT, 0);
        BitSet all = new BitSet();
        all.set(0, SHARDS);
        try (ShardStore shards = new ShardStore(SmallSet.conf(), plan)) {
            shards.load(all);
            Rehearsal rehearsal = new Rehearsal(plan, shards, true, cpuNanos);
            int steps = rehearsal.run(all);
            assertThat(rehearsal.run(all)).as("steps of a second rehearsal").isZero();
            return steps;
        }
    }
}
