package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ShardRangeTest {
    @Property(tries = 500, seed = "2718")
    void aSplitCoversEveryExampleOnceInShardsOfNearlyOneSize(
            @ForAll @IntRange(min = 0) int examples, @ForAll @IntRange(min = 1, max = 3000) int shards) {
        List<ShardRange> ranges = ShardRange.split(examples, shards);
        assertThat(ranges).hasSize(shards);
        int next = 0;
        for (ShardRange range : ranges) {
            assertThat(range.first()).isEqualTo(next);
            assertThat(range.count()).isBetween(examples / shards, (int) ((examples - 1L + shards) / shards));
            next = range.end();
        }
        assertThat(next).isEqualTo(examples);
    }

    @Property(tries = 500, seed = "2719")
    void theShardOfAnExampleIsTheOneThatHoldsIt(
            @ForAll @IntRange(min = 1) int examples,
            @ForAll @IntRange(min = 1, max = 3000) int shards,
            @ForAll @IntRange(min = 0) int any) {
        List<ShardRange> ranges = ShardRange.split(examples, shards);
        ShardRange some = ranges.get(any % shards);
        for (int example : new int[] {any % examples, some.first(), some.end() - 1, examples - 1}) {
            if (example >= 0 && example < examples) {
                ShardRange found = ranges.get(ShardRange.shardOf(example, examples, shards));
                assertThat(example).isBetween(found.first(), found.end() - 1);
            }
        }
    }

    @Test
    void shardsBeginAtTheFloorOfTheirShare() {
        assertThat(ShardRange.split(10, 4))
                .containsExactly(
                        new ShardRange(0, 2), new ShardRange(2, 3), new ShardRange(5, 2), new ShardRange(7, 3));
        assertThat(ShardRange.split(2, 4))
                .containsExactly(
                        new ShardRange(0, 0), new ShardRange(0, 1), new ShardRange(1, 0), new ShardRange(1, 1));
        assertThat(ShardRange.split(Integer.MAX_VALUE, 3).get(2)).isEqualTo(new ShardRange(1_431_655_764, 715_827_883));
    }

    @Test
    void whatIsNoRangeIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> ShardRange.split(10, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> ShardRange.split(-1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new ShardRange(-1, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new ShardRange(0, -1));
        assertThatIllegalArgumentException().isThrownBy(() -> new ShardRange(1, Integer.MAX_VALUE));
        assertThat(new ShardRange(0, Integer.MAX_VALUE).end()).isEqualTo(Integer.MAX_VALUE);
    }
}
