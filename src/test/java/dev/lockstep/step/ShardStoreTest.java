package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import java.nio.file.Path;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class ShardStoreTest {
    private static final int SHARDS = 8;

    @TempDir
    private Path directory;

    @Test
    void shardsThatHaveBecomeOthersAreFreedAfterAWhile() {
        StepPlan plan = SmallSet.in(directory, Storage.GZIP).plan(SHARDS, 16, Sampling.EPOCH, 0);
        long before = MemoryGauge.process().bytesInUse();
        try (ShardStore shards = new ShardStore(SmallSet.conf(), plan)) {
            BitSet all = range(0, SHARDS);
            BitSet mine = range(2, 5);
            shards.load(all);
            String reports = all.stream().mapToObj(shards::report).toList().toString();
            long allBytes = MemoryGauge.process().bytesInUse() - before;
            for (int turn = 0; turn < 2; turn++) { // a step on all of them begins the count anew
                shards.step(all);
                for (int step = 0; step < ShardStore.KEPT_STEPS; step++) {
                    shards.step(mine);
                }
            }
            assertThat(shards.hasLoaded(all)).isTrue();
            shards.step(mine);
            assertThat(shards.hasLoaded(mine)).isTrue();
            for (int s = 0; s < SHARDS; s++) {
                assertThat(shards.hasLoaded(range(s, s + 1))).as("shard %d", s).isEqualTo(mine.get(s));
            }
            assertThat(MemoryGauge.process().bytesInUse() - before).isLessThan(allBytes / 2);
            shards.load(all);
            assertThat(all.stream().mapToObj(shards::report).toList()).hasToString(reports);
        }
    }

    private static BitSet range(int low, int high) {
        BitSet range = new BitSet();
        range.set(low, high);
        return range;
    }
}
