package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.kernel.SparseBatch;
import java.util.Arrays;
import java.util.List;

/** Compares shards with the set that they were read from, row by row and pixel by pixel. */
final class ShardRows {

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
        assertThat(shard.inputs()).isEqualTo(pixels);
        int most = 0;
        try (SparseBatch batch = new SparseBatch(pixels, 2, pixels)) {
            for (int row = 0; row < shard.examples(); row++) {
                int example = shard.first() + row;
                assertThat(shard.label(row)).isEqualTo(set.labels()[example] & 0xff);
                batch.clear();
                shard.copyRow(row, batch);
                shard.copyRow(row, batch);
                int count = shard.groups(row);
                assertThat(batch.blockOfRow(1)).isEqualTo(count);
                assertThat(batch.blocks()).isEqualTo(2 * count);
                assertThat(batch.labels().get(0)).isEqualTo(shard.label(row));
                assertRow(set, example, batch, 0, count);
                assertRow(set, example, batch, count, count);
                most = Math.max(most, count);
            }
        }
        assertThat(shard.maxGroups()).isEqualTo(most);
    }

    private static void assertRow(IdxWriter set, int example, SparseBatch batch, int first, int count) {
        int pixels = set.rows() * set.columns();
        int at = first;
        for (int group = 0; group < SparseBatch.groups(pixels); group++) {
            boolean isBlank = true;
            float[] expected = new float[SparseBatch.COLUMNS];
            for (int i = 0; i < expected.length && group * expected.length + i < pixels; i++) {
                int value = set.pixels()[example * pixels + group * expected.length + i] & 0xff;
                expected[i] = value / 255f;
                isBlank &= value == 0;
            }
            if (!isBlank) {
                // Plain comparisons: a fluent assertion for each pixel would take minutes.
                boolean isThere = at < first + count && batch.groupOf()[at] == group;
                int from = at * expected.length;
                if (!isThere || !Arrays.equals(expected, 0, 4, batch.values(), from, from + expected.length)) {
                    throw new AssertionError("example " + example + ", block " + (at - first) + " of " + count
                            + ": expected " + Arrays.toString(expected) + " in group " + group);
                }
                at++;
            }
        }
        assertThat(at - first).isEqualTo(count);
    }
}
