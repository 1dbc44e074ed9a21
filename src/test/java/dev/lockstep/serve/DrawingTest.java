package dev.lockstep.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.management.ThreadMXBean;
import dev.lockstep.BadInputException;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPInputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A drawing of any size, place, colour and paper becomes what MNIST's images are. */
class DrawingTest {
    private static byte[] png(int width, int height, Color paper, Color ink, int... rectangle) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        Graphics2D pen = image.createGraphics();
        if (paper != null) {
            pen.setColor(paper);
            pen.fillRect(0, 0, width, height);
        }
        pen.setColor(ink);
        pen.fillRect(rectangle[0], rectangle[1], rectangle[2], rectangle[3]);
        pen.dispose();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }

    /** The rectangle of a box of ink 10 wide and 20 tall in the middle. */
    private static int[] upright() {
        int[] pixels = new int[28 * 28];
        for (int y = 4; y < 24; y++) {
            for (int x = 9; x < 19; x++) {
                pixels[y * 28 + x] = 255;
            }
        }
        return pixels;
    }

    @Test
    void sizePlaceColourAndPaperDoNotMatter() throws IOException {
        assertThat(Drawing.ofPng(png(280, 280, Color.BLACK, Color.WHITE, 10, 20, 50, 100))
                        .likeMnist())
                .isEqualTo(upright());
        assertThat(Drawing.ofPng(png(300, 90, Color.WHITE, Color.BLACK, 200, 9, 40, 80))
                        .likeMnist())
                .isEqualTo(upright());
        assertThat(Drawing.ofPng(png(9, 12, null, Color.BLACK, 3, 0, 5, 10)).likeMnist())
                .isEqualTo(upright());
    }

    @Test
    void mnistsOwnDigitsStayAsTheyAre() throws IOException {
        Path file = Path.of(System.getProperty("lockstep.project"), "data/mnist-10k/t10k-images-idx3-ubyte.gz");
        byte[] images;
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            images = in.readAllBytes();
        }
        for (int first = 16; first < images.length; first += 784) {
            int[] pixels = new int[784];
            float[] ink = new float[784];
            for (int i = 0; i < 784; i++) {
                pixels[i] = images[first + i] & 0xff;
                ink[i] = pixels[i] / 255f;
            }
            assertThat(new Drawing(28, 28, ink).likeMnist()).isEqualTo(pixels);
        }
    }

    @Test
    void greyLevelsStayAndTheCentreOfMassIsInTheMiddle() {
        float[] ink = new float[100 * 60];
        for (int y = 10; y < 50; y++) {
            for (int x = 30; x < 70; x++) {
                ink[y * 100 + x] = x < 50 ? 0.2f : 1f;
            }
        }
        int[] pixels = new Drawing(100, 60, ink).likeMnist();
        double mass = 0;
        double massX = 0;
        double massY = 0;
        for (int i = 0; i < pixels.length; i++) {
            assertThat(pixels[i]).isIn(0, 51, 255);
            mass += pixels[i];
            massX += pixels[i] * (i % 28 + 0.5);
            massY += pixels[i] * (i / 28 + 0.5);
        }
        assertThat(massX / mass).isBetween(14.0, 15.0);
        assertThat(massY / mass).isBetween(14.0, 15.0);
        assertThat(mass).isEqualTo(20 * 10 * (51 + 255));
    }

    @Test
    void aSinglePixelAndALineAreDrawingsToo() {
        float[] dot = new float[1];
        dot[0] = 1f;
        assertThat(new Drawing(1, 1, dot).likeMnist()).contains(255);
        float[] line = new float[1024];
        java.util.Arrays.fill(line, 1f);
        assertThat(new Drawing(1024, 1, line).likeMnist()).contains(255);
        assertThat(new Drawing(1, 1024, line).likeMnist()).contains(255);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[1, 2 | expected JSON | ",
                "[] | width: expected a whole number from 1 to 1024 | found nothing",
                "{\"width\": 0, \"height\": 1, \"pixels\": []} | width | 0",
                "{\"width\": 1, \"height\": 1025, \"pixels\": []} | height | 1025",
                "{\"width\": 2.5, \"height\": 1, \"pixels\": []} | width | 2.5",
                "{\"width\": 2, \"height\": 2, \"pixels\": [1, 2, 3]} | array of 4 numbers | 3 elements",
                "{\"width\": 1, \"height\": 1, \"pixels\": \"x\"} | array of 1 numbers | string",
                "{\"width\": 1, \"height\": 2, \"pixels\": [1, 256]} | 0 to 255 | 256 as element 1",
                "{\"width\": 1, \"height\": 2, \"pixels\": [1, -1e999]} | 0 to 255 | as element 1",
                "{\"width\": 1, \"height\": 2, \"pixels\": [1, null]} | 0 to 255 | null as element 1",
            })
    void badJsonIsRefusedWithAReason(String body, String first, String second) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Drawing.ofJson(body.getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                .withMessageContaining(first)
                .withMessageContaining(second == null ? "" : second);
    }

    @Test
    void damagedAndHugeImagesAreRefused() throws IOException {
        byte[] whole = png(64, 64, Color.BLACK, Color.WHITE, 10, 20, 30, 30);
        for (int length : new int[] {0, 1, 8, 20, 40, whole.length / 2}) {
            assertThatExceptionOfType(BadInputException.class)
                    .as("cut off after %d bytes", length)
                    .isThrownBy(() -> Drawing.ofPng(java.util.Arrays.copyOf(whole, length)))
                    .withMessageContaining("expected a PNG");
        }
        // A header that promises what would take gigabytes.
        byte[] bomb = whole.clone();
        bomb[16] = 0x00;
        bomb[17] = 0x01;
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Drawing.ofPng(bomb))
                .withMessageContaining("1024 x 1024")
                .withMessageContaining("65600 x 64");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Drawing.ofPng(png(30, 30, Color.WHITE, Color.WHITE, 0, 0, 1, 1))
                        .likeMnist())
                .withMessageContaining("blank");
    }

    /** 64 KB that would be 64 MB. */
    @Test
    void textsInAnImageTakeNoMemory() throws IOException {
        BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_INDEXED);
        image.setRGB(9, 9, 0xffffffff);
        ByteArrayOutputStream plain = new ByteArrayOutputStream();
        ImageIO.write(image, "png", plain);
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        text.write("zTXta\0\0".getBytes(StandardCharsets.US_ASCII)); // type, keyword, method
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(text)) {
            deflater.write(new byte[64 << 20]);
        }
        CRC32 crc = new CRC32();
        crc.update(text.toByteArray());
        int headerBytes = 33; // signature and IHDR
        ByteBuffer loaded = ByteBuffer.allocate(plain.size() + text.size() + 8)
                .put(plain.toByteArray(), 0, headerBytes)
                .putInt(text.size() - 4)
                .put(text.toByteArray())
                .putInt((int) crc.getValue())
                .put(plain.toByteArray(), headerBytes, plain.size() - headerBytes);
        int[] expected = Drawing.ofPng(plain.toByteArray()).likeMnist();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        assertThat(Drawing.ofPng(loaded.array()).likeMnist()).isEqualTo(expected);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(8 << 20);
    }
}
