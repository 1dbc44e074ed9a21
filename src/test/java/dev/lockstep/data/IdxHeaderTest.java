package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class IdxHeaderTest {
    @Test
    void readsBigEndianImagesAndLabels() {
        IdxHeader images = IdxHeader.parseImages(words(0x803, 60_000, 28, 27), 16, "images");
        assertThat(images).isEqualTo(new IdxHeader(IdxHeader.IMAGES_MAGIC, 60_000, 28, 27));
        assertThat(images.exampleBytes()).isEqualTo(756);
        assertThat(images.offsetOf(0)).isEqualTo(16);
        assertThat(images.offsetOf(2)).isEqualTo(16 + 2 * 756);
        assertThat(images.contentBytes()).isEqualTo(16 + 60_000L * 756);
        IdxHeader labels = IdxHeader.parseLabels(words(0x801, 60_000), 8, "labels");
        assertThat(labels.offsetOf(5)).isEqualTo(13);
        assertThat(labels.contentBytes()).isEqualTo(60_008);
    }

    @Test
    void takesEveryShapeThatFitsAnInt() {
        IdxHeader widest = IdxHeader.parseImages(words(0x803, Integer.MAX_VALUE, 1, Integer.MAX_VALUE), 16, "images");
        assertThat(widest.exampleBytes()).isEqualTo(Integer.MAX_VALUE);
        assertThat(widest.contentBytes()).isEqualTo(16 + (long) Integer.MAX_VALUE * Integer.MAX_VALUE);
    }

    @Test
    void refusesEverythingElseAndSaysWhere() {
        assertImages(
                "images: magic number at byte 0: expected 0x00000803 (IDX images), found 0x00000801 (IDX labels); "
                        + "are images and labels swapped?",
                0x801,
                5);
        assertImages("images: magic number at byte 0: expected 0x00000803 (IDX images), found 0x504b0304", 0x504b0304);
        assertImages("images: magic number at byte 0: expected 0x00000803 (IDX images), found 0x03080000", 0x03080000);
        assertImages("images: element type at byte 2: expected 0x08 (unsigned byte), found 0x0d", 0xd03, 1, 1, 1);
        assertImages("images: number of dimensions at byte 3: expected 3, found 4", 0x804, 1, 1, 1);
        assertImages(
                "images: empty set: number of examples at byte 4: expected 1 to 2147483647, found 0", 0x803, 0, 1, 1);
        assertImages("images: number of examples at byte 4: expected 1 to 2147483647, found -1", 0x803, -1, 1, 1);
        assertImages("images: rows of an image at byte 8: expected 1 to 2147483647, found 0", 0x803, 1, 0, 1);
        assertImages(
                "images: columns of an image at byte 12: expected 1 to 2147483647, found -2147483648",
                0x803,
                1,
                1,
                Integer.MIN_VALUE);
        assertImages(
                "images: shape of an image at byte 8: expected at most 2147483647 pixels, found 65536 x 32768 = "
                        + "2147483648",
                0x803,
                1,
                65_536,
                32_768);
        assertLabels(
                "labels: magic number at byte 0: expected 0x00000801 (IDX labels), found 0x00000803 (IDX images); "
                        + "are images and labels swapped?",
                0x803,
                5,
                1,
                1);
        assertLabels("labels: empty set: number of examples at byte 4: expected 1 to 2147483647, found 0", 0x801, 0);
    }

    @Test
    void refusesAHeaderThatEndsEarly() {
        byte[] whole = words(0x803, 1, 1, 1);
        for (int length = 0; length < 16; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            int found = length;
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> IdxHeader.parseImages(part, found, "images"))
                    .withMessage("images: truncated in the header at byte " + found
                            + ": expected 16 bytes of header, found " + found);
        }
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> IdxHeader.parseLabels(words(0x801), 4, "labels"))
                .withMessage("labels: truncated in the header at byte 4: expected 8 bytes of header, found 4");
    }

    private static void assertImages(String message, int... words) {
        byte[] header = words(words);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> IdxHeader.parseImages(header, header.length, "images"))
                .withMessage(message);
    }

    private static void assertLabels(String message, int... words) {
        byte[] header = words(words);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> IdxHeader.parseLabels(header, header.length, "labels"))
                .withMessage(message);
    }

    private static byte[] words(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length);
        bytes.asIntBuffer().put(words);
        return bytes.array();
    }
}
