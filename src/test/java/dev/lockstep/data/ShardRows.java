package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import dev.lockstep.memory.OffHeapBlock;
import java.util.List;

/** Compares shards with the set that they were read from, row by row and pixel by pixel. */
final class ShardRows {
    private static final int OFFSET = 3;

    private ShardRows() {}

    static void assertSame(List<Shard> shards, List<ShardRange> ranges, IdxWriter set) {
        assertThat(shards).hasSameSizeAs(ranges);
        for (int s = 0; s < ranges.size(); s++) {
            assertThat(shards.get(s).first()).isEqualTo(ranges.get(s).first());
            assertThat(shards.get(s).examples()).isEqualTo(ranges.get(s).count());
            assertSame(shards.get(s), set);
        }
    }

    static void assertSame(Shard shard, IdxWriter set) {
        int pixels = set.rows() * set.columns();
        assertThat(shard.pixels()).isEqualTo(pixels);
        int most = 0;
        try (OffHeapBlock block = OffHeapBlock.allocate(8L * (pixels + OFFSET), "row")) {
            IntArray columns = block.ints(0, pixels + OFFSET);
            FloatArray values = block.floats(4 * (pixels + OFFSET), pixels + OFFSET);
            for (int row = 0; row < shard.examples(); row++) {
                int example = shard.first() + row;
                assertThat(shard.label(row)).isEqualTo(set.labels()[example] & 0xff);
                int count = shard.copyRow(row, columns, values, OFFSET);
                assertThat(shard.nonZeros(row)).isEqualTo(count);
                assertRow(set, example, columns, values, count);
                most = Math.max(most, count);
            }
        }
        assertThat(shard.maxNonZeros()).isEqualTo(most);
    }

    private static void assertRow(IdxWriter set, int example, IntArray columns, FloatArray values, int count) {
        int pixels = set.rows() * set.columns();
        int at = 0;
        for (int column = 0; column < pixels; column++) {
            int value = set.pixels()[example * pixels + column] & 0xff;
            if (value != 0) {
                // Plain comparisons: a fluent assertion for each pixel would take minutes.
                if (at == count || columns.get(OFFSET + at) != column || values.get(OFFSET + at) != value / 255f) {
                    throw new AssertionError("example " + example + ", element " + at + " of " + count
                            + ": expected " + value + " / 255 in column " + column + ", found "
                            + (at == count ? "the end" : values.get(OFFSET + at) + " in " + columns.get(OFFSET + at)));
                }
                at++;
            }
        }
        assertThat(count).isEqualTo(at);
    }
}
