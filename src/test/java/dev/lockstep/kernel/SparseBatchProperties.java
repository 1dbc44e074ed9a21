package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.memory.LeakCheck;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;

@AddLifecycleHook(LeakCheck.class)
class SparseBatchProperties {
    private record Element(int row, int column, float value) {}

    @Property(seed = "1", tries = 300, edgeCases = EdgeCasesMode.NONE)
    void columnsListTheElementsOfTheRows(
            @ForAll @IntRange(max = 20) int rows,
            @ForAll @IntRange(min = 1, max = 30) int inputs,
            @ForAll Regime regime,
            @ForAll long seed) {
        Random random = new Random(seed);
        RandomBatch batch = RandomBatch.of(new int[] {rows}, inputs, 10, regime, random);
        try (SparseBatch x = batch.sparse(0, 1)) {
            assertHolds(x, batch);
        }
    }

    @Property(seed = "2", tries = 300, edgeCases = EdgeCasesMode.NONE)
    void aBatchIsFilledAnew(
            @ForAll @IntRange(max = 10) int first,
            @ForAll @IntRange(max = 10) int second,
            @ForAll Regime firstRegime,
            @ForAll Regime secondRegime,
            @ForAll long seed) {
        Random random = new Random(seed);
        RandomBatch before = RandomBatch.of(new int[] {first}, 12, 10, firstRegime, random);
        RandomBatch after = RandomBatch.of(new int[] {second}, 12, 10, secondRegime, random);
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
        // By column, and by ascending row within a column: the order in which gradients are summed.
        assertThat(elements(x)).isEqualTo(expected);
        assertRows(x, batch);
    }

    private static void assertRows(SparseBatch x, RandomBatch batch) {
        for (int r = 0; r < x.rows(); r++) {
            assertThat(x.labels().get(r)).isEqualTo(batch.labels()[r]);
            float[] found = new float[4 * x.groups()];
            int last = -1;
            for (int b = x.blockOfRow(r); b < x.blockOfRow(r + 1); b++) {
                assertThat(x.groupOf()[b]).as("row %d, block %d", r, b).isGreaterThan(last);
                last = x.groupOf()[b];
                System.arraycopy(x.values(), 4 * b, found, 4 * last, 4);
            }
            assertThat(Arrays.copyOf(found, batch.inputs())).as("row %d", r).isEqualTo(batch.pixels()[r]);
        }
        assertThat(x.blockOfRow(x.rows())).isEqualTo(x.blocks());
    }

    @Example
    void everyPixelIsItsQuotientRoundedOnce() {
        ByteBuffer record = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN);
        try (SparseBatch x = new SparseBatch(4, 256, 1)) {
            for (int b = 0; b < 256; b++) {
                byte[] pixels = {(byte) b, (byte) (b + 1), (byte) (b + 2), (byte) (b + 3)};
                x.addPixels(record.put(1, pixels), 0, 1, 1, b);
            }
            for (int b = 0; b < 256; b++) {
                for (int i = 0; i < 4; i++) {
                    assertThat(x.value(x.begins()[0] + b, i)).isEqualTo((b + i & 0xff) / 255f);
                }
            }
        }
    }

    @Example
    void whatABatchHasNoRoomForIsRefusedAndLeavesItAsItWas() {
        ByteBuffer record = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
        record.put(0, new byte[] {0, 1, 2, 10, 11, 12, 13, 20, 21, 22, 23});
        try (SparseBatch x = new SparseBatch(12, 3, 2)) {
            assertThatThrownBy(() -> x.addPixels(record, 0, 1, 7, 0)).hasMessageContaining("one more of 7 groups");
            x.clear(1);
            x.addPixels(record, 0, 1, 2, 5);
            assertThatThrownBy(() -> x.addPixels(record, 0, 1, 2, 5))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessageContaining("at most 1 rows");
            assertThatThrownBy(() -> x.endRow(0, 5)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(elements(x)).hasSize(8);
            x.clear(3);
            assertThatThrownBy(() -> x.clear(4)).hasMessageContaining("0 to 3 rows, found 4");
            x.addPixels(record, 0, 1, 2, 5);
            assertThatThrownBy(() -> x.endRow(0, 5)).hasMessageContaining("found one of floats");
            x.clear();
            x.endRow(0, 5);
            assertThatThrownBy(() -> x.addPixels(record, 0, 1, 2, 5)).hasMessageContaining("found one of pixels");
        }
    }

    /** The elements by column again, from the entries of the groups; zeros stand for no element. */
    private static List<Element> elements(SparseBatch x) {
        assertThat(x.groups()).isEqualTo((x.inputs() + 3) / 4);
        List<Element> found = new ArrayList<>();
        for (int column = 0; column < 4 * x.groups(); column++) {
            int g = column / 4;
            for (int e = x.begins()[g]; e < x.ends()[g]; e++) {
                float value = x.value(e, column % 4);
                if (value != 0f) {
                    found.add(new Element(x.rowOf(e), column, value));
                }
            }
        }
        return found;
    }
}
