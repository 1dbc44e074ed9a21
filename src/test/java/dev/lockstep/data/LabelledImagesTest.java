package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class LabelledImagesTest {
    private static final String IMAGES = IdxWriter.imagesName("train");
    private static final String LABELS = IdxWriter.labelsName("train");

    private final Configuration conf = new Configuration(false);
    private final IdxWriter set = IdxWriter.random(5, 7, 3, 5, 10, 0.5);

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource
    void findsTheSetUnderBothNamesAndTellsGzipByContent(Storage storage) {
        set.write(directory, "train", storage);
        LabelledImages found = open();
        String base = "file:" + directory + "/";
        assertThat(found)
                .isEqualTo(new LabelledImages(
                        base + storage.name(IMAGES),
                        storage.gzip(),
                        base + storage.name(LABELS),
                        storage.gzip(),
                        7,
                        3,
                        5));
        assertThat(found.pixels()).isEqualTo(15);
    }

    @Test
    void imagesAndLabelsMayBeStoredDifferentlyAndThePlainNameWins() {
        set.write(directory, "train", Storage.PLAIN);
        IdxWriter.write(directory, IMAGES, Storage.GZIP, new byte[0]);
        IdxWriter.write(directory, LABELS, Storage.GZIP_UNDER_PLAIN_NAME, set.labelsContent());
        assertThat(open().imagesGzip()).isFalse();
        assertThat(open().labelsGzip()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"with space", "50%25 of #it", "täglich"})
    void takesDirectoriesWithAnyNameAsPathOrUri(String name) throws IOException {
        Path odd = Files.createDirectory(directory.resolve(name));
        set.write(odd, "t10k", Storage.PLAIN);
        LabelledImages byPath = LabelledImages.open(conf, odd.toString(), LabelledImages.TEST);
        LabelledImages byUri = LabelledImages.open(conf, "file://" + odd, "t10k");
        assertThat(byPath).isEqualTo(byUri);
        ShardReader.read(conf, byPath, ShardRange.split(7, 1), 10).forEach(Shard::close);
    }

    @Test
    void travelsByJavaSerialization() throws IOException, ClassNotFoundException {
        LabelledImages files = new LabelledImages("a", true, "b", false, 1, 2, 3);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(files);
            out.writeObject(new ShardRange(4, 5));
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            assertThat(in.readObject()).isEqualTo(files);
            assertThat(in.readObject()).isEqualTo(new ShardRange(4, 5));
        }
    }

    @Test
    void readsHeadersOnly() throws IOException {
        IdxWriter.random(6, 1000, 28, 28, 10, 0.2).write(directory, "train", Storage.PLAIN);
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(3, Long.MAX_VALUE)) {
            assertThat(LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train")
                            .examples())
                    .isEqualTo(1000);
            assertThat(fs.readOf(IMAGES).length()).isEqualTo(16);
            assertThat(fs.readOf(LABELS).length()).isEqualTo(8);
        }
    }

    @Test
    void aMissingFileIsNamedUnderBothNames() {
        assertBad("data directory file:" + directory + ": expected " + IMAGES + " or " + IMAGES
                + ".gz, found neither of them");
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, set.imagesContent());
        assertBad("data directory file:" + directory + ": expected " + LABELS + " or " + LABELS
                + ".gz, found neither of them");
    }

    @Test
    void aMissingDirectoryIsNamed() throws IOException {
        Path missing = directory.resolve("nowhere");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> LabelledImages.open(conf, missing.toString(), "train"))
                .withMessageContainingAll("file:" + missing, IMAGES + ".gz", "found no such directory");
        Files.createFile(missing);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> LabelledImages.open(conf, missing.toString(), "train"))
                .withMessageContainingAll("file:" + missing, "found a file in the directory's place");
        set.write(directory, "train", Storage.GZIP);
        Files.createDirectory(directory.resolve(IMAGES));
        assertBad("file:" + directory + "/" + IMAGES + ": expected a file, found a directory");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "nosuchscheme://host/data", "a:b:c"})
    void aNameThatIsNoDirectoryAnywhereIsBadInput(String name) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> LabelledImages.open(conf, name, "train"))
                .withMessageContainingAll("data directory '" + name + "'", "expected", "found")
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @ParameterizedTest
    @EnumSource
    void anEmptySetIsRefused(Storage storage) {
        new IdxWriter(0, 3, 5, new byte[0], new byte[0]).write(directory, "train", storage);
        assertBad("file:" + directory + "/" + storage.name(IMAGES)
                + ": empty set: number of examples at byte 4: expected 1 to 2147483647, found 0");
    }

    @ParameterizedTest
    @EnumSource
    void aFileWithoutAWholeHeaderIsRefused(Storage storage) {
        set.write(directory, "train", storage);
        Path images = IdxWriter.write(directory, IMAGES, storage, Arrays.copyOf(set.imagesContent(), 15));
        assertBad("file:" + images + ": truncated in the header at byte 15: expected 16 bytes of header, found 15");
        IdxWriter.write(directory, IMAGES, storage, set.imagesContent());
        Path labels = IdxWriter.write(directory, LABELS, storage, new byte[0]);
        assertBad("file:" + labels + ": truncated in the header at byte 0: expected 8 bytes of header, found 0");
    }

    @ParameterizedTest
    @EnumSource
    void swappedFilesAreRefused(Storage storage) {
        IdxWriter.write(directory, IMAGES, storage, set.labelsContent());
        IdxWriter.write(directory, LABELS, storage, set.imagesContent());
        assertBad("file:" + directory + "/" + storage.name(IMAGES)
                + ": magic number at byte 0: expected 0x00000803 (IDX images), found 0x00000801 (IDX labels); "
                + "are images and labels swapped?");
    }

    @ParameterizedTest
    @EnumSource
    void aCountMismatchIsRefused(Storage storage) {
        set.write(directory, "train", storage);
        Path labels = IdxWriter.write(
                directory, LABELS, storage, IdxWriter.random(1, 8, 1, 1, 10, 1).labelsContent());
        assertBad("file:" + labels + ": number of examples at byte 4: expected 7 as in file:" + directory + "/"
                + storage.name(IMAGES) + ", found 8");
    }

    @Test
    void aPlainFileOfAnotherLengthIsRefused() {
        set.write(directory, "train", Storage.PLAIN);
        byte[] images = set.imagesContent();
        String file = "file:" + directory + "/" + IMAGES;
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(images, images.length - 1));
        assertBad(file + ": truncated at byte 120: expected 121 bytes for 7 examples of 15 bytes, found 120");
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(images, images.length + 2));
        assertBad(file + ": over-long at byte 121: expected 121 bytes for 7 examples of 15 bytes, found 123");
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, images);
        IdxWriter.write(directory, LABELS, Storage.PLAIN, Arrays.copyOf(set.labelsContent(), 16));
        assertBad("file:" + directory + "/" + LABELS
                + ": over-long at byte 15: expected 15 bytes for 7 examples of 1 bytes, found 16");
    }

    @Test
    void aHeaderThatPromisesExabytesIsComparedWithTheLengthFirst() {
        set.write(directory, "train", Storage.PLAIN);
        byte[] images = set.imagesContent();
        ByteBuffer.wrap(images).putInt(4, Integer.MAX_VALUE).putInt(8, 46_340).putInt(12, 46_340);
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, images);
        assertBad(
                "file:" + directory + "/" + IMAGES + ": truncated at byte 121: expected 4611496934639753216 bytes for "
                        + "2147483647 examples of 2147395600 bytes, found 121");
    }

    @Test
    void aGzipFileThatEndsInTheHeaderIsRefused() {
        set.write(directory, "train", Storage.GZIP);
        byte[] whole = IdxWriter.gzip(set.imagesContent());
        IdxWriter.write(directory, IMAGES, Storage.PLAIN, Arrays.copyOf(whole, 9));
        assertBad("file:" + directory + "/" + IMAGES + ": truncated gzip at byte 9 of the file, byte 0 of the "
                + "uncompressed content: expected more gzip header, found the end");
    }

    @Test
    void aFilesystemThatFailsIsNotBadInput() throws IOException {
        set.write(directory, "train", Storage.PLAIN);
        try (IdxWatchedFileSystem fs = IdxWatchedFileSystem.open(100, 5)) {
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> LabelledImages.open(fs.getConf(), fs.uriOf(directory), "train"))
                    .withMessageContainingAll(IMAGES, "cannot be read", "connection reset");
        }
    }

    private LabelledImages open() {
        return LabelledImages.open(conf, directory.toString(), LabelledImages.TRAIN);
    }

    private void assertBad(String message) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(this::open)
                .withMessage(message);
    }
}
