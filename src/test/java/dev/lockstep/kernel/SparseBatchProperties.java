package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.LeakCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;

@AddLifecycleHook(LeakCheck.class)
class SparseBatchProperties {
    private record Element(int row, int column, float value) {}

    @Property(seed = "1", tries = 300, edgeCases = EdgeCasesMode.NONE)
    void columnsListTheElementsOfTheRows(
            @ForAll @IntRange(max = 20) int rows, @ForAll @IntRange(min = 1, max = 30) int inputs, @ForAll long seed) {
        Random random = new Random(seed);
        RandomBatch batch = RandomBatch.of(new int[] {rows}, inputs, 10, Regime.ORDINARY, random);
        try (SparseBatch x = batch.sparse(0, 1)) {
            assertHolds(x, batch);
        }
    }

    @Property(seed = "2", tries = 300, edgeCases = EdgeCasesMode.NONE)
    void aBatchIsFilledAnew(
            @ForAll @IntRange(max = 10) int first, @ForAll @IntRange(max = 10) int second, @ForAll long seed) {
        Random random = new Random(seed);
        RandomBatch before = RandomBatch.of(new int[] {first}, 12, 10, Regime.ORDINARY, random);
        RandomBatch after = RandomBatch.of(new int[] {second}, 12, 10, Regime.ORDINARY, random);
        try (SparseBatch x = new SparseBatch(12, 10, 12)) {
            before.fill(x, 0, 1);
            assertHolds(x, before);
            after.fill(x, 0, 1);
            assertHolds(x, after);
        }
    }

    private static void assertHolds(SparseBatch x, RandomBatch batch) {
        List<Element> expected = new ArrayList<>();
        for (int c = 0; c < batch.inputs(); c++) {
            for (int r = 0; r < batch.labels().length; r++) {
                if (batch.pixels()[r][c] != 0f) {
                    expected.add(new Element(r, c, batch.pixels()[r][c]));
                }
            }
        }
        x.indexColumns();
        List<Element> found = new ArrayList<>();
        for (int c = 0; c < batch.inputs(); c++) {
            for (int e = x.columnStart().get(c); e < x.columnStart().get(c + 1); e++) {
                found.add(new Element(x.entryRows().get(e), c, x.entryValues().get(e)));
            }
        }
        assertThat(x.rows()).isEqualTo(batch.labels().length);
        assertThat(x.nonZeros()).isEqualTo(expected.size());
        // By column, and by ascending row within a column: the order in which gradients are summed.
        assertThat(found).isEqualTo(expected);
        assertThat(groupedElements(x)).isEqualTo(expected);
    }

    /** The elements by column again, from the entries of the groups; zeros stand for no element. */
    private static List<Element> groupedElements(SparseBatch x) {
        assertThat(x.hasGroups()).isTrue();
        SparseGroups groups = x.groups();
        assertThat(groups.groups()).isEqualTo((x.inputs() + 3) / 4);
        List<Element> found = new ArrayList<>();
        for (int column = 0; column < 4 * groups.groups(); column++) {
            int g = column / 4;
            for (int e = groups.start()[g]; e < groups.start()[g + 1]; e++) {
                float value = groups.values()[groups.blocks()[e] + column % 4];
                if (value != 0f) {
                    found.add(new Element(groups.rows()[e], column, value));
                }
            }
        }
        return found;
    }

    @Property(seed = "3", tries = 20, edgeCases = EdgeCasesMode.NONE)
    void aBatchWithoutRoomForItsGroupsSaysSo(@ForAll @IntRange(min = 4000, max = 4200) int rows) {
        try (SparseBatch x = new SparseBatch(2, rows, 1)) {
            for (int r = 0; r < rows; r++) {
                assertThat(x.hasGroups()).isEqualTo(r <= 4096);
                x.endRow(0, 0);
            }
        }
        // 262,144 entries are the most; with fewer elements in the batch there is room again.
        try (SparseBatch x = new SparseBatch(4096, 300, 1000)) {
            for (int r = 0; r < 300; r++) {
                assertThat(x.hasGroups()).isEqualTo(r * 1000 <= 262_144);
                x.endRow(1000, 0);
            }
        }
    }
}
