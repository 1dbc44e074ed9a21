package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

class IdxGzipTest {
    private static final int FLAGS_OFFSET = 3;
    private static final int HEADER_BYTES = 10;

    @Test
    void inflatesAllMembersOfAFile() {
        byte[] first = randomBytes(100_000);
        byte[] second = randomBytes(70_001);
        byte[] file = join(IdxWriter.gzip(first), IdxWriter.gzip(new byte[0]), IdxWriter.gzip(second));
        assertThat(inflate(file)).isEqualTo(join(first, second));
    }

    @Test
    void skipsTheOptionalPartsOfAHeader() {
        byte[] content = randomBytes(1000);
        byte[] optional =
                join(new byte[] {3, 0, 'a', 'b', 'c'}, "name\0".getBytes(StandardCharsets.UTF_8), new byte[] {'c', 0});
        byte[] file = withOptional(IdxWriter.gzip(content), 0x04 | 0x08 | 0x10, optional);
        assertThat(inflate(file)).isEqualTo(content);
    }

    @Test
    void checksTheCrcOfAHeaderThatHasOne() {
        byte[] plain = IdxWriter.gzip(new byte[] {1, 2, 3});
        byte[] withoutCrc = withOptional(plain, 0x02, new byte[0]);
        CRC32 crc = new CRC32();
        crc.update(withoutCrc, 0, HEADER_BYTES);
        byte[] crc16 = {(byte) crc.getValue(), (byte) (crc.getValue() >>> 8)};
        assertThat(inflate(withOptional(plain, 0x02, crc16))).isEqualTo(new byte[] {1, 2, 3});
        crc16[1] ^= 1;
        assertBad(withOptional(plain, 0x02, crc16), "expected header CRC 0x");
    }

    @Test
    void refusesEveryDamageAndSaysWhere() {
        byte[] content = randomBytes(5000);
        byte[] good = IdxWriter.gzip(content);
        int end = good.length;
        assertBad(changed(good, 0, 0x1e), "near byte 0 of the file, byte 0 ", "expected first byte", "0x1f", "0x1e");
        assertBad(changed(good, 2, 7), "near byte 2 of the file", "expected compression method 0x08, found 0x07");
        assertBad(changed(good, FLAGS_OFFSET, 0x80), "expected reserved flags 0, found flags 0x80");
        assertBad(changed(good, HEADER_BYTES, 0x07), "corrupt gzip", "expected deflate data, found invalid block type");
        assertBad(
                changed(good, end - 8, good[end - 8] ^ 1), "byte 5000 of the uncompressed content", "expected CRC 0x");
        assertBad(changed(good, end - 4, 0), "expected a content of ", " bytes, found 5000 bytes");
        assertBad(join(good, new byte[] {0}), "near byte " + end + " of the file, byte 5000 ", "expected first byte");
        assertBad(join(good, "more".getBytes(StandardCharsets.UTF_8)), "near byte " + end + " of the file");
    }

    @Test
    void refusesEveryTruncation() {
        byte[] good = IdxWriter.gzip(randomBytes(300));
        for (int length = 0; length < good.length; length++) {
            assertBad(Arrays.copyOf(good, length), "truncated gzip at byte " + length + " of the file");
        }
    }

    private static void assertBad(byte[] file, String... parts) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> inflate(file))
                .withMessageStartingWith("images: ")
                .withMessageContainingAll(parts);
    }

    private static byte[] inflate(byte[] file) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        byte[] buffer = new byte[777];
        try (IdxGzip gzip = new IdxGzip(new ByteArrayInputStream(file), "images")) {
            for (int count = gzip.read(buffer, 0, 777); count >= 0; count = gzip.read(buffer, 0, 777)) {
                content.write(buffer, 0, count);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return content.toByteArray();
    }

    private static byte[] withOptional(byte[] file, int flags, byte[] optional) {
        byte[] flagged = changed(file, FLAGS_OFFSET, flags);
        return join(
                Arrays.copyOf(flagged, HEADER_BYTES),
                optional,
                Arrays.copyOfRange(flagged, HEADER_BYTES, flagged.length));
    }

    private static byte[] changed(byte[] file, int offset, int value) {
        byte[] copy = file.clone();
        copy[offset] = (byte) value;
        return copy;
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            bytes.writeBytes(part);
        }
        return bytes.toByteArray();
    }

    private static byte[] randomBytes(int count) {
        byte[] bytes = new byte[count];
        new Random(1952).nextBytes(bytes);
        return bytes;
    }
}
