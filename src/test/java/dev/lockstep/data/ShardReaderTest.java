package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.management.ThreadMXBean;
import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(LeakCheck.class)
class ShardReaderTest {
    private static final String IMAGES = IdxWriter.imagesName("train");
    private static final String LABELS = IdxWriter.labelsName("train");

    private final Configuration conf = new Configuration(false);

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1, 1.0",
        "9, 1, 1, 2, 0.5",
        "7, 3, 5, 10, 0.3",
        "5, 1, 17, 256, 1.0",
        "3, 300, 300, 4, 0.1",
        "2, 1500, 1000, 3, 0.02",
        "40, 28, 28, 10, 0.0",
        "2000, 28, 28, 256, 0.19"
    })
    void readsAnyShapeFromAnyStorage(int examples, int rows, int columns, int classes, double density) {
        IdxWriter set = IdxWriter.random(examples, examples, rows, columns, classes, density);
        List<ShardRange> ranges = ShardRange.split(examples, 3);
        long fingerprint = 0;
        for (Storage storage : Storage.values()) {
            clear();
            set.write(directory, "train", storage);
            List<Shard> shards = ShardReader.read(conf, open(), ranges, classes);
            ShardRows.assertSame(shards, ranges, set);
            long sum = shards.stream().mapToLong(Shard::fingerprint).sum();
            assertThat(storage == Storage.PLAIN ? sum : fingerprint).isEqualTo(sum);
            fingerprint = sum;
            shards.forEach(Shard::close);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRemoteStreamThatServesAFewBytesAtATimeReadsTheSame(Storage storage) throws IOException {
        IdxWriter set = IdxWriter.random(8, 50, 5, 7, 10, 0.4).write(directory, "train", storage);
        List<ShardRange> ranges = ShardRange.split(50, 4);
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(11, Long.MAX_VALUE)) {
            LabelledImages files = LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train");
            List<Shard> shards = ShardReader.read(fs.getConf(), files, ranges, 10);
            ShardRows.assertSame(shards, ranges, set);
            shards.forEach(Shard::close);
        }
    }

    @Test
    void aGzipFileOfSeveralMembersIsReadToItsEndFromARemoteStream() throws IOException {
        IdxWriter set = IdxWriter.random(8, 50, 5, 7, 10, 0.4).write(directory, "train", Storage.PLAIN);
        byte[] content = set.imagesContent();
        byte[] first = IdxWriter.gzip(Arrays.copyOf(content, 600));
        byte[] second = IdxWriter.gzip(Arrays.copyOfRange(content, 600, content.length));
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, both);
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(first.length, Long.MAX_VALUE)) {
            LabelledImages files = LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train");
            List<Shard> shards = ShardReader.read(fs.getConf(), files, ShardRange.split(50, 1), 10);
            ShardRows.assertSame(shards, ShardRange.split(50, 1), set);
            shards.forEach(Shard::close);
        }
    }

    @Test
    void ofPlainFilesTheRangesAreReadAndNothingElse() throws IOException {
        IdxWriter.random(8, 5000, 28, 28, 10, 0.2).write(directory, "train", Storage.PLAIN);
        List<ShardRange> ranges = List.of(new ShardRange(100, 1500), new ShardRange(1600, 0), new ShardRange(4000, 7));
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(Integer.MAX_VALUE, Long.MAX_VALUE)) {
            LabelledImages files = LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train");
            fs.forget();
            ShardReader.read(fs.getConf(), files, ranges, 10).forEach(Shard::close);
            BitSet images = new BitSet();
            images.set(16 + 100 * 784, 16 + 1600 * 784);
            images.set(16 + 4000 * 784, 16 + 4007 * 784);
            assertThat(fs.readOf(IMAGES)).isEqualTo(images);
            BitSet labels = new BitSet();
            labels.set(8 + 100, 8 + 1600);
            labels.set(8 + 4000, 8 + 4007);
            assertThat(fs.readOf(LABELS)).isEqualTo(labels);
        }
    }

    @Test
    void ofGzipFilesNothingBehindTheLastRangeIsNeeded() throws IOException {
        IdxWriter.random(8, 5000, 28, 28, 10, 0.2).write(directory, "train", Storage.GZIP);
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(1000, 300_000)) {
            LabelledImages files = LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train");
            ShardReader.read(fs.getConf(), files, List.of(new ShardRange(700, 3)), 10)
                    .forEach(Shard::close);
            assertThat(fs.readOf(IMAGES + ".gz").cardinality()).isBetween(1000, 300_000);
        }
    }

    @Test
    void noRangesAndEmptyRangesNeedNothing() {
        IdxWriter.random(8, 5, 2, 2, 10, 0.5).write(directory, "train", Storage.GZIP);
        assertThat(ShardReader.read(conf, open(), List.of(), 10)).isEmpty();
        List<Shard> shards = ShardReader.read(conf, open(), List.of(new ShardRange(2, 0), new ShardRange(5, 0)), 10);
        assertThat(shards).extracting(Shard::examples).containsExactly(0, 0);
        assertThat(shards).extracting(Shard::fingerprint).containsExactly(0L, 0L);
        assertThat(shards).extracting(Shard::maxGroups).containsExactly(0, 0);
        shards.forEach(Shard::close);
    }

    @Test
    void rangesThatAreNotAscendingAndClassesThatNoByteHoldsAreRefused() {
        IdxWriter.random(8, 5, 2, 2, 10, 0.5).write(directory, "train", Storage.PLAIN);
        LabelledImages files = open();
        List<ShardRange> descending = List.of(new ShardRange(3, 1), new ShardRange(0, 1));
        List<ShardRange> overlapping = List.of(new ShardRange(0, 3), new ShardRange(2, 1));
        List<ShardRange> outside = List.of(new ShardRange(4, 2));
        for (List<ShardRange> ranges : List.of(descending, overlapping, outside)) {
            assertThatIllegalArgumentException().isThrownBy(() -> ShardReader.read(conf, files, ranges, 10));
        }
        for (int classes : new int[] {0, 257}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ShardReader.read(conf, files, List.of(), classes))
                    .withMessage("classes: expected 1 to 256, found " + classes);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLabelOutOfRangeIsNamedWithItsExample(Storage storage) {
        IdxWriter set = IdxWriter.random(8, 9, 2, 2, 4, 0.5);
        set.labels()[6] = 4;
        set.write(directory, "train", storage);
        String where = storage.gzip() ? "byte 14 of the uncompressed content" : "byte 14";
        assertBad(
                "file:" + directory + "/" + storage.name(LABELS) + ": label of example 6 at " + where
                        + ": expected 0 to 3 (see --classes), found 4",
                4);
        ShardReader.read(conf, open(), ShardRange.split(9, 2), 5).forEach(Shard::close);
    }

    @Test
    void gzipContentOfAnotherLengthIsRefused() {
        IdxWriter set = IdxWriter.random(8, 9, 2, 2, 4, 0.5).write(directory, "train", Storage.GZIP);
        byte[] images = set.imagesContent();
        String file = "file:" + directory + "/" + IMAGES + ".gz";
        IdxWriter.write(directory, IMAGES, Storage.GZIP, Arrays.copyOf(images, 51));
        assertBad(file + ": truncated at byte 51 of the uncompressed content: expected 52 bytes, found 51", 4);
        IdxWriter.write(directory, IMAGES, Storage.GZIP, Arrays.copyOf(images, 53));
        assertBad(
                file + ": over-long at byte 52 of the uncompressed content: expected 52 bytes of uncompressed "
                        + "content, found more",
                4);
        IdxWriter.write(directory, IMAGES, Storage.GZIP, images);
        IdxWriter.write(directory, LABELS, Storage.GZIP, Arrays.copyOf(set.labelsContent(), 18));
        assertBad(
                "file:" + directory + "/" + LABELS + ".gz: over-long at byte 17 of the uncompressed content: "
                        + "expected 17 bytes of uncompressed content, found more",
                4);
        IdxWriter.write(directory, LABELS, Storage.GZIP, Arrays.copyOf(set.labelsContent(), 10));
        assertBad(
                "file:" + directory + "/" + LABELS + ".gz: truncated at byte 10 of the uncompressed content: "
                        + "expected 17 bytes, found 10",
                4);
    }

    @Test
    void truncatedAndCorruptGzipIsRefused() {
        IdxWriter set = IdxWriter.random(8, 90, 9, 9, 4, 1).write(directory, "train", Storage.GZIP);
        byte[] good = IdxWriter.gzip(set.imagesContent());
        String file = "file:" + directory + "/" + IMAGES;
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(good, 3000));
        assertBadPart(file + ": truncated gzip at byte 3000 of the file, byte ", "uncompressed content: expected more");
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(good, good.length - 3));
        assertBadPart(file + ": truncated gzip at byte " + (good.length - 3), "byte 7306 of the uncompressed content");
        byte[] flipped = good.clone();
        flipped[good.length - 6] ^= 0x40;
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, flipped);
        assertBadPart(file + ": corrupt gzip near byte ", "byte 7306 of the uncompressed content: expected CRC 0x");
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(good, good.length + 1));
        assertBadPart(file + ": corrupt gzip near byte " + good.length, "found 0x00");
        flipped = good.clone();
        Arrays.fill(flipped, 2000, 2100, (byte) 0xff);
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, flipped);
        assertBadPart(file + ": corrupt gzip near byte ", "of the uncompressed content: expected ");
    }

    @Test
    void aPlainFileThatShrinksOrVanishesAfterItWasOpenedIsBadInput() throws IOException {
        IdxWriter set = IdxWriter.random(8, 90, 9, 9, 4, 1).write(directory, "train", Storage.PLAIN);
        LabelledImages files = open();
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(set.imagesContent(), 5000));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(90, 4), 4))
                .withMessage("file:" + directory + "/" + IMAGES
                        + ": truncated at byte 5000: expected 7306 bytes, found at most 5000");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, List.of(new ShardRange(80, 1)), 4))
                .withMessageContainingAll(IMAGES + ": truncated at byte ", "expected 7306 bytes");
        Files.delete(directory.resolve(IMAGES));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(90, 4), 4))
                .withMessageContainingAll(IMAGES, "expected a readable file");
    }

    @Test
    void aGzipHeaderThatPromisesExabytesAllocatesNothingForThem() {
        IdxWriter set = IdxWriter.random(8, 9, 2, 2, 4, 0.5);
        byte[] images = set.imagesContent();
        byte[] labels = set.labelsContent();
        ByteBuffer.wrap(images).putInt(4, 400_000_000).putInt(8, 46_340).putInt(12, 46_340);
        ByteBuffer.wrap(labels).putInt(4, 400_000_000);
        IdxWriter.write(directory, IMAGES, Storage.GZIP, images);
        IdxWriter.write(directory, LABELS, Storage.GZIP, labels);
        LabelledImages files = open();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = threads.getCurrentThreadAllocatedBytes();
        long room = MemoryGauge.process().peakBytes() - MemoryGauge.process().bytesInUse();
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(files.examples(), 1), 4))
                .withMessageContainingAll(": truncated at byte ", "of the uncompressed content");
        assertThat(MemoryGauge.process().peakBytes() - MemoryGauge.process().bytesInUse())
                .isLessThanOrEqualTo(Math.max(room, 1 << 20));
        assertThat(threads.getCurrentThreadAllocatedBytes() - allocated).isLessThan(8 << 20);
    }

    @ParameterizedTest
    @EnumSource
    void aFilesystemThatFailsIsNotBadInputAndLeavesNothingOpen(Storage storage) throws IOException {
        IdxWriter.random(8, 5000, 9, 9, 10, 1).write(directory, "train", storage);
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(5000, 200_000)) {
            LabelledImages files = LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train");
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> ShardReader.read(fs.getConf(), files, ShardRange.split(5000, 50), 10))
                    .withMessageContainingAll(storage.name(IMAGES), "connection reset");
        }
    }

    private LabelledImages open() {
        return LabelledImages.open(conf, directory.toString(), "train");
    }

    private void clear() {
        for (String name : List.of(IMAGES, LABELS)) {
            directory.resolve(name).toFile().delete();
            directory.resolve(name + ".gz").toFile().delete();
        }
    }

    private void assertBad(String message, int classes) {
        LabelledImages files = open();
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(files.examples(), 3), classes))
                .withMessage(message);
    }

    private void assertBadPart(String... parts) {
        LabelledImages files = open();
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(files.examples(), 5), 4))
                .withMessageContainingAll(parts);
    }
}
