package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Damaged data of every kind, for every engine: status 2, one line with file, offset, expected and found. */
@ExtendWith(LeakCheck.class)
class BadDataTest {
    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";

    /** A file of the tiny set, what is done to its bytes as stored, and what the message must hold beside its name. */
    enum Damage {
        MAGIC(Storage.PLAIN, TRAIN_IMAGES, set(3, 0x0d), "at byte 3", "expected 3", "found 13"),
        MAGIC_GZIP(Storage.GZIP, TEST_LABELS, zipped(set(2, 0x0b)), "at byte 2", "expected 0x08", "found 0x0b"),
        NO_IDX(
                Storage.PLAIN,
                TRAIN_LABELS,
                bytes -> "GIF89a".getBytes(StandardCharsets.US_ASCII),
                "at byte 0",
                "0x00000801",
                "found 0x47494638"),
        SWAPPED(Storage.PLAIN, TEST_LABELS, set(3, 3), "at byte 0", "IDX labels", "IDX images"),
        NOTHING(Storage.PLAIN, TRAIN_IMAGES, bytes -> new byte[0], "at byte 0", "expected 16", "found 0"),
        HALF_HEADER(Storage.GZIP, TEST_IMAGES, zipped(cut(10)), "at byte 10", "expected 16", "found 10"),
        TRUNCATED(Storage.PLAIN, TRAIN_IMAGES, cut(1000), "at byte 1000", "expected 1216", "found 1000"),
        TRUNCATED_LABELS(Storage.PLAIN, TEST_LABELS, cut(37), "at byte 37", "expected 38", "found 37"),
        OVER_LONG(Storage.PLAIN, TRAIN_IMAGES, longer(1), "at byte 1216", "expected 1216", "found 1217"),
        TRUNCATED_CONTENT(Storage.GZIP, TRAIN_IMAGES, zipped(cut(1000)), "byte 1000", "expected 1216", "found 1000"),
        OVER_LONG_CONTENT(Storage.GZIP, TEST_IMAGES, zipped(longer(3)), "byte 616", "expected 616", "found more"),
        TRUNCATED_GZIP(Storage.GZIP, TRAIN_IMAGES, cut(300), "at byte 300", "expected more", "found the end"),
        CORRUPT_GZIP(Storage.GZIP, TRAIN_IMAGES, flipFromEnd(8), "corrupt gzip near byte", "expected", "found"),
        AFTER_GZIP(Storage.GZIP, TRAIN_LABELS, longer(2), "byte", "expected", "found"),
        LABEL(Storage.PLAIN, TRAIN_LABELS, set(8 + 41, 10), "example 41", "at byte 49", "expected 0 to 9", "found 10"),
        TEST_LABEL(Storage.GZIP, TEST_LABELS, zipped(set(8 + 29, 200)), "example 29", "expected 0 to 9", "found 200"),
        COUNT(Storage.PLAIN, TRAIN_LABELS, all(cut(8 + 59), set(7, 59)), "at byte 4", "expected 60", "found 59"),
        EMPTY(Storage.PLAIN, TRAIN_IMAGES, all(cut(16), set(7, 0)), "empty", "at byte 4", "expected 1 to", "found 0"),
        NEGATIVE(Storage.PLAIN, TRAIN_IMAGES, set(4, 0xff), "at byte 4", "expected 1 to", "found -"),
        NO_ROWS(Storage.PLAIN, TRAIN_IMAGES, set(11, 0), "rows", "at byte 8", "expected 1 to", "found 0"),
        HUGE_IMAGE(Storage.PLAIN, TRAIN_IMAGES, all(set(8, 0x7f), set(12, 0x7f)), "at byte 8", "pixels", "found 21"),
        OTHER_SHAPE(
                Storage.PLAIN, TEST_IMAGES, all(set(15, 5), longer(150)), "expected images of 5 x 4", "found 5 x 5");

        private final Storage storage;
        private final String name;
        private final UnaryOperator<byte[]> change;
        private final String[] parts;

        Damage(Storage storage, String name, UnaryOperator<byte[]> change, String... parts) {
            this.storage = storage;
            this.name = name;
            this.change = change;
            this.parts = parts;
        }

        /** Makes the tiny set with this damage and returns what the message must hold. */
        String[] inflict(Path data) throws IOException {
            Snapshot.tinyData(data, storage);
            Path file = data.resolve(storage == Storage.GZIP ? name + ".gz" : name);
            Files.write(file, change.apply(Files.readAllBytes(file)));
            String[] all = Arrays.copyOf(parts, parts.length + 1);
            all[parts.length] = file.toString();
            return all;
        }

        /** Whether only who reads the whole file sees it; the rest comes to light before any engine starts. */
        boolean isInContent() {
            return switch (this) {
                case TRUNCATED_CONTENT,
                        OVER_LONG_CONTENT,
                        TRUNCATED_GZIP,
                        CORRUPT_GZIP,
                        AFTER_GZIP,
                        LABEL,
                        TEST_LABEL -> true;
                default -> false;
            };
        }
    }

    @TempDir
    Path directory;

    private Path data;
    private Path run;

    @BeforeEach
    void setPlaces() {
        data = directory.resolve("data");
        run = directory.resolve("run");
    }

    static Stream<Damage> damageInContent() {
        return Stream.of(Damage.values()).filter(Damage::isInContent);
    }

    @ParameterizedTest
    @EnumSource
    void trainInProcess(Damage damage) throws IOException {
        trainRefused("local", damage.inflict(data));
    }

    @ParameterizedTest
    @MethodSource("damageInContent")
    void trainInJobs(Damage damage) throws IOException {
        trainRefused("job", damage.inflict(data));
    }

    @ParameterizedTest
    @EnumSource(names = {"TRUNCATED_GZIP", "LABEL"})
    void trainInOneStage(Damage damage) throws IOException {
        trainRefused("lockstep", damage.inflict(data));
    }

    private void trainRefused(String engine, String... parts) {
        Map<String, String> before = Snapshot.of(directory);
        InProcess.run("train", "--data", data, "--engine", engine, "--iterations", 3, "--out", run)
                .refused(parts);
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource(names = {"MAGIC", "LABEL", "CORRUPT_GZIP"})
    void gradcheck(Damage damage) throws IOException {
        String[] parts = damage.inflict(data);
        InProcess.run("gradcheck", "--data", data).refused(parts);
    }

    @ParameterizedTest
    @EnumSource(names = {"SWAPPED", "HALF_HEADER", "TRUNCATED_LABELS", "OVER_LONG_CONTENT", "TEST_LABEL"})
    void evaluate(Damage damage) throws IOException {
        Path sound = Snapshot.tinyData(directory.resolve("sound"), Storage.PLAIN);
        InProcess.run("train", "--data", sound, "--engine", "local", "--iterations", 0, "--out", run)
                .succeeded();
        String[] parts = damage.inflict(data);
        Map<String, String> before = Snapshot.of(directory);
        Path out = directory.resolve("metrics.json");
        InProcess.run("evaluate", "--model", run.resolve("model.safetensors"), "--data", data, "--out", out)
                .refused(parts);
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    /** Bad input leaves an earlier run alone even if it was to be replaced. */
    @Test
    void earlierRunStays() throws IOException {
        Snapshot.tinyData(data, Storage.GZIP);
        InProcess.run("train", "--data", data, "--engine", "local", "--iterations", 2, "--out", run)
                .succeeded();
        Damage.CORRUPT_GZIP.inflict(data);
        Map<String, String> before = Snapshot.of(directory);
        InProcess.run("train", "--data", data, "--engine", "local", "--iterations", 3, "--out", run, "--overwrite")
                .refused("corrupt gzip");
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    @Test
    void missing() throws IOException {
        trainRefused("local", data.toString(), TRAIN_IMAGES, "found no such directory");
        Files.createDirectory(data);
        trainRefused("local", data.toString(), TRAIN_IMAGES, "found neither");
        Snapshot.tinyData(data, Storage.PLAIN);
        Files.delete(data.resolve(TEST_LABELS));
        trainRefused("local", data.toString(), "expected " + TEST_LABELS, TEST_LABELS + ".gz", "found neither");
        Files.createDirectory(data.resolve(TEST_LABELS));
        trainRefused("local", data.resolve(TEST_LABELS).toString(), "expected a file, found a directory");
        data = data.resolve(TRAIN_IMAGES);
        trainRefused("local", data.toString(), "found a file");
    }

    @Test
    void unknownFilesystem() {
        InProcess.run("train", "--data", "foo://x/data", "--out", run).refused("foo://x/data", "scheme \"foo\"");
        InProcess.run("train", "--data", "a:b", "--out", run).refused("a:b", "expected a directory");
        assertThat(run).doesNotExist();
    }

    private static UnaryOperator<byte[]> set(int offset, int value) {
        return bytes -> ByteBuffer.wrap(bytes.clone()).put(offset, (byte) value).array();
    }

    private static UnaryOperator<byte[]> cut(int length) {
        return bytes -> Arrays.copyOf(bytes, length);
    }

    private static UnaryOperator<byte[]> longer(int by) {
        return bytes -> Arrays.copyOf(bytes, bytes.length + by);
    }

    private static UnaryOperator<byte[]> flipFromEnd(int distance) {
        return bytes ->
                set(bytes.length - distance, ~bytes[bytes.length - distance]).apply(bytes);
    }

    private static UnaryOperator<byte[]> all(UnaryOperator<byte[]> first, UnaryOperator<byte[]> second) {
        return bytes -> second.apply(first.apply(bytes));
    }

    /** The change done to the content of a gzip file. */
    private static UnaryOperator<byte[]> zipped(UnaryOperator<byte[]> change) {
        return bytes -> IdxWriter.gzip(change.apply(gunzip(bytes)));
    }

    private static byte[] gunzip(byte[] bytes) {
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
