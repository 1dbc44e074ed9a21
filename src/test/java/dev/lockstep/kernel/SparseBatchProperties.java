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
    }
}
