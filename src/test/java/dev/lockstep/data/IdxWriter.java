package dev.lockstep.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/**
 * A labelled set made for a test, and the IDX files that hold it. It shares no code with the reader.
 *
 * @param examples number of images and labels
 * @param rows rows of an image
 * @param columns columns of an image
 * @param pixels the images [examples, rows, columns]
 * @param labels the classes [examples]
 */
public record IdxWriter(int examples, int rows, int columns, byte[] pixels, byte[] labels) {
    /** How a file is stored, and under which kind of name. */
    public enum Storage {
        /** Plain, under the plain name. */
        PLAIN,
        /** Gzip, under the name with .gz. */
        GZIP,
        /** Gzip, under the plain name. */
        GZIP_UNDER_PLAIN_NAME,
        /** Plain, under the name with .gz. */
        PLAIN_UNDER_GZIP_NAME;

        boolean gzip() {
            return this == GZIP || this == GZIP_UNDER_PLAIN_NAME;
        }

        String name(String plain) {
            return this == GZIP || this == PLAIN_UNDER_GZIP_NAME ? plain + ".gz" : plain;
        }
    }

    /** A set of random images, a {@code density} of whose pixels are not zero, with labels 0 to classes - 1. */
    public static IdxWriter random(long seed, int examples, int rows, int columns, int classes, double density) {
        Random random = new Random(seed);
        byte[] pixels = new byte[examples * rows * columns];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = random.nextDouble() < density ? (byte) (1 + random.nextInt(255)) : 0;
        }
        byte[] labels = new byte[examples];
        for (int i = 0; i < examples; i++) {
            labels[i] = (byte) random.nextInt(classes);
        }
        return new IdxWriter(examples, rows, columns, pixels, labels);
    }

    /** Writes both files into a directory. */
    public IdxWriter write(Path directory, String stem, Storage storage) {
        write(directory, imagesName(stem), storage, imagesContent());
        write(directory, labelsName(stem), storage, labelsContent());
        return this;
    }

    /** Writes one file, gzipping the content if the storage says so; returns where. */
    public static Path write(Path directory, String plainName, Storage storage, byte[] content) {
        try {
            return Files.write(directory.resolve(storage.name(plainName)), storage.gzip() ? gzip(content) : content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The plain name of a set's images. */
    public static String imagesName(String stem) {
        return stem + "-images-idx3-ubyte";
    }

    /** The plain name of a set's labels. */
    public static String labelsName(String stem) {
        return stem + "-labels-idx1-ubyte";
    }

    /** The uncompressed file of images. */
    public byte[] imagesContent() {
        return ByteBuffer.allocate(16 + pixels.length)
                .putInt(0x803)
                .putInt(examples)
                .putInt(rows)
                .putInt(columns)
                .put(pixels)
                .array();
    }

    /** The uncompressed file of labels. */
    public byte[] labelsContent() {
        return ByteBuffer.allocate(8 + labels.length)
                .putInt(0x801)
                .putInt(examples)
                .put(labels)
                .array();
    }

    /** One gzip member that holds the content. */
    public static byte[] gzip(byte[] content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
