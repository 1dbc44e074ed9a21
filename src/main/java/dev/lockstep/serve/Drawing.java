package dev.lockstep.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.BadInputException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.Set;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Something drawn: how much ink each pixel has, from 0 for paper to 1. It comes from strangers, so sizes are looked at before
 * memory is taken.
 *
 * @param ink [height, width]
 */
record Drawing(int width, int height, float[] ink) {
    /** Pixels of a side, at most. */
    static final int MAX_SIDE = 1024;

    /** Pixels of a side of MNIST's images, and of the box in it that holds the digit. */
    static final int SIDE = 28;

    private static final int BOX = 20;
    private static final float WHITE = 255f;
    private static final int PNG_SIGNATURE_BYTES = 8;
    /** Of a chunk without data: length, type, CRC. */
    private static final int PNG_CHUNK_BYTES = 3 * Integer.BYTES;
    /** The types IHDR, PLTE, tRNS, IDAT and IEND. */
    private static final Set<Integer> PICTURE_CHUNKS =
            Set.of(0x49484452, 0x504c5445, 0x74524e53, 0x49444154, 0x49454e44);

    /**
     * Reads {@code {"width": w, "height": h, "pixels": [h * w numbers from 0 for paper to 255 for ink, row by row]}}.
     *
     * @throws BadInputException if it is anything else
     */
    static Drawing ofJson(byte[] body) {
        JsonNode root;
        try {
            root = new ObjectMapper().readTree(body);
        } catch (JsonProcessingException e) {
            throw new BadInputException("body: expected JSON, found " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new BadInputException("body: expected JSON, found " + e.getMessage(), e);
        }
        int width = side(root, "width");
        int height = side(root, "height");
        JsonNode pixels = root.path("pixels");
        if (!pixels.isArray() || pixels.size() != width * height) {
            throw new BadInputException("pixels: expected an array of " + width * height + " numbers, found "
                    + (pixels.isArray() ? pixels.size() + " elements" : kind(pixels)));
        }
        float[] ink = new float[width * height];
        for (int i = 0; i < ink.length; i++) {
            JsonNode pixel = pixels.get(i);
            double value = pixel.isNumber() ? pixel.doubleValue() : -1;
            if (!(value >= 0 && value <= WHITE)) {
                throw new BadInputException("pixels: expected numbers from 0 to 255, found "
                        + (pixel.isNumber() ? pixel.asText() : kind(pixel)) + " as element " + i);
            }
            ink[i] = (float) value / WHITE;
        }
        return new Drawing(width, height, ink);
    }

    private static int side(JsonNode root, String name) {
        JsonNode node = root.path(name);
        if (!node.isInt() || node.intValue() < 1 || node.intValue() > MAX_SIDE) {
            throw new BadInputException(name + ": expected a whole number from 1 to " + MAX_SIDE + ", found "
                    + (node.isNumber() ? node.asText() : kind(node)));
        }
        return node.intValue();
    }

    private static String kind(JsonNode node) {
        return node.isMissingNode() ? "nothing" : node.getNodeType().toString().toLowerCase(java.util.Locale.ROOT);
    }

    /**
     * Reads a PNG: the paper is what most of the border is, transparent, dark or bright, and ink is what is not.
     *
     * @throws BadInputException if it is none, damaged or too large
     */
    static Drawing ofPng(byte[] body) {
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName("png");
        ImageReader reader = readers.next(); // every Java platform has one
        try (MemoryCacheImageInputStream in =
                new MemoryCacheImageInputStream(new ByteArrayInputStream(pictureOnly(body)))) {
            reader.setInput(in, true, true);
            int width = reader.getWidth(0);
            int height = reader.getHeight(0);
            if (width > MAX_SIDE || height > MAX_SIDE) {
                throw new BadInputException("image: expected at most " + MAX_SIDE + " x " + MAX_SIDE + " pixels, found "
                        + width + " x " + height);
            }
            return ofImage(reader.read(0));
        } catch (IOException | RuntimeException e) { // the reader throws all kinds at damaged files
            if (e instanceof BadInputException bad) {
                throw bad;
            }
            throw new BadInputException("body: expected a PNG, found " + e.getMessage(), e);
        } finally {
            reader.dispose();
        }
    }

    /** Without the chunks of texts and profiles: of an image with a palette the reader inflates them, a thousandfold. */
    private static byte[] pictureOnly(byte[] png) {
        ByteBuffer in = ByteBuffer.wrap(png);
        ByteArrayOutputStream out = new ByteArrayOutputStream(png.length);
        int at = Math.min(PNG_SIGNATURE_BYTES, png.length);
        out.write(png, 0, at);
        while (png.length - at >= PNG_CHUNK_BYTES) {
            int lengthBytes = in.getInt(at);
            int left = png.length - at;
            // A length that is damaged takes the rest: the reader tells.
            int step = lengthBytes < 0 || lengthBytes > left - PNG_CHUNK_BYTES ? left : lengthBytes + PNG_CHUNK_BYTES;
            if (PICTURE_CHUNKS.contains(in.getInt(at + Integer.BYTES))) {
                out.write(png, at, step);
            }
            at += step;
        }
        return out.toByteArray();
    }

    private static Drawing ofImage(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        float[] brightness = new float[width * height];
        float[] cover = new float[width * height];
        double border = 0;
        double borderCover = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int argb = image.getRGB(x, y);
                int i = y * width + x;
                cover[i] = (argb >>> 24) / WHITE;
                brightness[i] =
                        (0.299f * (argb >> 16 & 0xff) + 0.587f * (argb >> 8 & 0xff) + 0.114f * (argb & 0xff)) / WHITE;
                if (x == 0 || y == 0 || x == width - 1 || y == height - 1) {
                    border += brightness[i] * cover[i];
                    borderCover += cover[i];
                }
            }
        }
        int borderPixels = width == 1 || height == 1 ? width * height : 2 * (width + height) - 4;
        boolean isClearPaper = borderCover < 0.5 * borderPixels;
        boolean isDarkPaper = border < 0.5 * borderCover;
        float[] ink = new float[width * height];
        for (int i = 0; i < ink.length; i++) {
            ink[i] = cover[i] * (isClearPaper ? 1 : isDarkPaper ? brightness[i] : 1 - brightness[i]);
        }
        return new Drawing(width, height, ink);
    }

    /**
     * Made to look like MNIST's images, as these were made from scanned digits: what has ink is scaled into a box of 20 x 20
     * pixels, keeping its proportions and grey levels, and put into 28 x 28 so that its centre of mass is in the middle, or
     * up to a pixel right of and below it (as far as the box stays inside).
     *
     * @return [28, 28], each a whole number of 0 to 255
     * @throws BadInputException if there is no ink
     */
    int[] likeMnist() {
        int left = width;
        int right = -1;
        int top = height;
        int bottom = -1;
        for (int i = 0; i < ink.length; i++) {
            if (ink[i] > 0.5f / WHITE) {
                left = Math.min(left, i % width);
                right = Math.max(right, i % width);
                top = Math.min(top, i / width);
                bottom = Math.max(bottom, i / width);
            }
        }
        if (right < 0) {
            throw new BadInputException("drawing: expected ink, found blank paper");
        }
        int inkWidth = right - left + 1;
        int inkHeight = bottom - top + 1;
        double scale = (double) BOX / Math.max(inkWidth, inkHeight);
        int boxWidth = (int) Math.max(1, Math.round(inkWidth * scale));
        int boxHeight = (int) Math.max(1, Math.round(inkHeight * scale));
        double[] box = new double[boxWidth * boxHeight];
        double mass = 0;
        double massX = 0;
        double massY = 0;
        for (int y = 0; y < boxHeight; y++) {
            for (int x = 0; x < boxWidth; x++) {
                double mean = mean(
                        left + (double) x * inkWidth / boxWidth,
                        left + (x + 1.0) * inkWidth / boxWidth,
                        top + (double) y * inkHeight / boxHeight,
                        top + (y + 1.0) * inkHeight / boxHeight);
                box[y * boxWidth + x] = mean;
                mass += mean;
                massX += mean * (x + 0.5);
                massY += mean * (y + 0.5);
            }
        }
        int firstX = offset(massX / mass, boxWidth);
        int firstY = offset(massY / mass, boxHeight);
        int[] pixels = new int[SIDE * SIDE];
        for (int i = 0; i < box.length; i++) {
            pixels[(firstY + i / boxWidth) * SIDE + firstX + i % boxWidth] = (int) Math.round(box[i] * WHITE);
        }
        return pixels;
    }

    private static int offset(double centre, int length) {
        return (int) Math.max(0, Math.min(SIDE - length, Math.ceil(SIDE / 2.0 - centre)));
    }

    /** Mean ink of a rectangle whose edges may go through pixels. */
    private double mean(double fromX, double toX, double fromY, double toY) {
        double sum = 0;
        for (int y = (int) fromY; y < Math.min(height, Math.ceil(toY)); y++) {
            double tall = Math.min(y + 1, toY) - Math.max(y, fromY);
            for (int x = (int) fromX; x < Math.min(width, Math.ceil(toX)); x++) {
                sum += tall * (Math.min(x + 1, toX) - Math.max(x, fromX)) * ink[y * width + x];
            }
        }
        return sum / ((toX - fromX) * (toY - fromY));
    }
}
