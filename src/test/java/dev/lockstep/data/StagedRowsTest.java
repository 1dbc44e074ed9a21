package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What goes through the files of staged rows comes out of the shards, whatever the cuts between parts and shards. */
@ExtendWith(LeakCheck.class)
class StagedRowsTest {
    private static final int CLASSES = 7;
    private static final long SEED = 20;

    private final Configuration conf = new Configuration();

    @TempDir
    Path directory;

    /** Random rows; a {@code density} of their inputs is not zero. */
    private record Rows(double[][] inputs, int[] labels) {
        static Rows random(int count, int width, double density) {
            Random random = new Random(SEED);
            double[][] inputs = new double[count][width];
            int[] labels = new int[count];
            for (int r = 0; r < count; r++) {
                labels[r] = random.nextInt(CLASSES);
                for (int c = 0; c < width; c++) {
                    inputs[r][c] =
                            random.nextDouble() < density ? random.nextGaussian() : random.nextBoolean() ? 0 : -0.0;
                }
            }
            return new Rows(inputs, labels);
        }
    }

    private StagedRows stage(Rows rows, int... partSizes) {
        List<StagedPart> parts = new ArrayList<>();
        int row = 0;
        for (int size : partSizes) {
            String uri = directory.resolve("part-" + parts.size()).toUri().toString();
            try (StagedRowsWriter writer = new StagedRowsWriter(conf, uri)) {
                for (int i = 0; i < size; i++, row++) {
                    double[] inputs = rows.inputs[row];
                    if (row % 2 == 0) {
                        writer.add(rows.labels[row], inputs);
                    } else {
                        int[] columns = IntStream.range(0, inputs.length)
                                .filter(c -> inputs[c] != 0)
                                .toArray();
                        double[] values = IntStream.of(columns)
                                .mapToDouble(c -> inputs[c])
                                .toArray();
                        writer.add(rows.labels[row], inputs.length, columns, values);
                    }
                }
                parts.add(writer.finish(null));
            }
        }
        assertThat(row).isEqualTo(rows.inputs.length);
        return new StagedRows("rows", rows.inputs[0].length, parts);
    }

    private void assertSame(List<Shard> shards, Rows rows) {
        for (Shard shard : shards) {
            int width = rows.inputs[0].length;
            try (SparseBatch batch = new SparseBatch(width, 1, width)) {
                for (int row = 0; row < shard.examples(); row++) {
                    batch.clear();
                    shard.copyRow(row, batch);
                    float[] found = new float[SparseBatch.groups(width) * SparseBatch.COLUMNS];
                    for (int b = 0; b < batch.blocks(); b++) {
                        int group = batch.groupOf()[b];
                        System.arraycopy(batch.values(), b * 4, found, group * 4, 4);
                    }
                    float[] expected = new float[found.length];
                    for (int c = 0; c < width; c++) {
                        expected[c] = (float) rows.inputs[shard.first() + row][c] + 0f;
                    }
                    assertThat(found).as("row %d", shard.first() + row).isEqualTo(expected);
                    assertThat(shard.label(row)).isEqualTo(rows.labels[shard.first() + row]);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "30, 0.4", "30, 0", "9, 1", "2000, 0.02"
    }) // the last one has more groups than a byte can number
    void rowsComeBack(int width, double density) {
        Rows rows = Rows.random(113, width, density);
        StagedRows staged = stage(rows, 50, 0, 13, 50);
        assertThat(staged.examples()).isEqualTo(113);
        assertThat(staged.maxLabel()).isEqualTo(CLASSES - 1);
        long fingerprint = 0;
        for (int shardCount : new int[] {1, 3, 8, 200}) {
            List<Shard> shards = staged.read(conf, ShardRange.split(113, shardCount), CLASSES);
            try {
                assertSame(shards, rows);
                long sum = shards.stream().mapToLong(Shard::fingerprint).sum();
                assertThat(sum).isEqualTo(fingerprint == 0 ? sum : fingerprint);
                fingerprint = sum;
            } finally {
                shards.forEach(Shard::close);
            }
        }
    }

    @Test
    void aRangeIsReadFromTheMarkBeforeIt() throws IOException {
        int count = 3 * StagedRowsWriter.MARK_ROWS + 5;
        Rows rows = Rows.random(count, 6, 0.5);
        StagedRows staged = stage(rows, 100, count - 100);
        // What lies before the mark is never looked at: it may be anything.
        Path file = directory.resolve("part-1");
        byte[] bytes = Files.readAllBytes(file);
        StagedPart part = staged.parts().get(1);
        assertThat(part.markBefore(2 * StagedRowsWriter.MARK_ROWS - 1))
                .isPositive()
                .isLessThan(part.markBefore(count - 101));
        java.util.Arrays.fill(bytes, 0, (int) part.markBefore(StagedRowsWriter.MARK_ROWS), (byte) -1);
        rewrite(file, bytes);
        ShardRange range = new ShardRange(100 + StagedRowsWriter.MARK_ROWS + 3, 2 * StagedRowsWriter.MARK_ROWS - 110);
        List<Shard> shards = staged.read(conf, List.of(range), CLASSES);
        try {
            assertThat(shards.get(0).examples()).isEqualTo(range.count());
            assertSame(shards, rows);
        } finally {
            shards.forEach(Shard::close);
        }
    }

    @Test
    void pixelsAndTheirQuotientsAreTheSameNumbers() {
        IdxWriter set = IdxWriter.random(SEED, 40, 16, 16, CLASSES, 1);
        set.write(directory, LabelledImages.TRAIN, IdxWriter.Storage.PLAIN);
        LabelledImages images = LabelledImages.open(conf, directory.toString(), LabelledImages.TRAIN);
        double[][] inputs = new double[40][256];
        int[] labels = new int[40];
        for (int r = 0; r < 40; r++) {
            labels[r] = set.labels()[r];
            for (int c = 0; c < 256; c++) {
                inputs[r][c] = (set.pixels()[r * 256 + c] & 0xff) / 255.0;
            }
        }
        StagedRows staged = stage(new Rows(inputs, labels), 40);
        List<ShardRange> all = ShardRange.split(40, 1);
        try (Shard pixels = images.read(conf, all, CLASSES).get(0);
                Shard numbers = staged.read(conf, all, CLASSES).get(0);
                SparseBatch a = new SparseBatch(256, 40, 256);
                SparseBatch b = new SparseBatch(256, 40, 256)) {
            for (int row = 0; row < 40; row++) {
                pixels.copyRow(row, a);
                numbers.copyRow(row, b);
            }
            assertThat(b.values()).isEqualTo(a.values());
            assertThat(b.groupOf()).isEqualTo(a.groupOf());
            int[] scratch = new int[1];
            assertThat(numbers.touchRows(new int[] {3}, 0, 1, scratch))
                    .isEqualTo(numbers.touchRows(new int[] {3}, 0, 1, scratch));
        }
    }

    @Test
    void aDamagedFileIsNamed() throws IOException {
        StagedRows staged = stage(Rows.random(20, 6, 0.5), 20);
        Path file = directory.resolve("part-0");
        byte[] whole = Files.readAllBytes(file);
        rewrite(file, java.util.Arrays.copyOf(whole, whole.length - 1));
        assertRefused(staged, "part-0", "truncated", "20 rows");
        byte[] bytes = whole.clone();
        bytes[4] = 100; // the first row's groups
        rewrite(file, bytes);
        assertRefused(staged, "part-0", "row 0", "2 groups", "100");
        bytes = whole.clone();
        bytes[0] = CLASSES;
        rewrite(file, bytes);
        assertRefused(staged, "part-0", "row 0", "label of 0 to 6", "7");
        Files.delete(file);
        assertRefused(staged, "part-0");
    }

    /** Without the checksums that the filesystem keeps beside it. */
    private static void rewrite(Path file, byte[] bytes) throws IOException {
        Files.deleteIfExists(file.resolveSibling("." + file.getFileName() + ".crc"));
        Files.write(file, bytes);
    }

    private void assertRefused(StagedRows staged, String... words) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> staged.read(conf, ShardRange.split(20, 2), CLASSES))
                .satisfies(e -> assertThat(e.getMessage()).contains(words));
    }
}
