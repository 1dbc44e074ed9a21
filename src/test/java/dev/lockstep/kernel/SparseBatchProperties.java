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

    @Property(seed = "3", tries = 100, edgeCases = EdgeCasesMode.NONE)
    void rowsWithoutZerosAreListedTheSameWay(
            @ForAll @IntRange(max = 10) int rows, @ForAll @IntRange(min = 1, max = 30) int inputs, @ForAll long seed) {
        Random random = new Random(seed);
        float[][] pixels = new float[rows][inputs];
        for (float[] row : pixels) {
            for (int c = 0; c < inputs; c++) {
                row[c] = 1 + random.nextInt(255);
            }
        }
        RandomBatch batch = new RandomBatch(inputs, pixels, new int[rows], new int[] {rows});
        try (SparseBatch x = batch.sparse(0, 1)) {
            assertHolds(x, batch);
            assertThat(x.blocks()).isEqualTo(rows * x.groups());
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
        assertThat(x.rows()).isEqualTo(batch.labels().length);
        x.index();
        // By column, and by ascending row within a column: the order in which gradients are summed.
        assertThat(elements(x)).isEqualTo(expected);
    }

    /** The elements by column again, from the entries of the groups; zeros stand for no element. */
    private static List<Element> elements(SparseBatch x) {
        assertThat(x.groups()).isEqualTo((x.inputs() + 3) / 4);
        List<Element> found = new ArrayList<>();
        for (int column = 0; column < 4 * x.groups(); column++) {
            int g = column / 4;
            for (int e = x.start()[g]; e < x.start()[g + 1]; e++) {
                float value = x.entryValues()[4 * e + column % 4];
                if (value != 0f) {
                    found.add(new Element(x.entryRows()[e], column, value));
                }
            }
        }
        return found;
    }
}
