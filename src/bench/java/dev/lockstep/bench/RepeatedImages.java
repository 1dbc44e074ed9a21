package dev.lockstep.bench;

import dev.lockstep.data.IdxHeader;
import java.io.ByteArrayInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Test files that hold a set's test images over and over: many images to evaluate, where the set has few. */
final class RepeatedImages {
    private static final String IMAGES = "t10k-images-idx3-ubyte";
    private static final String LABELS = "t10k-labels-idx1-ubyte";
    private static final int GZIP_MAGIC = 0x1f8b;

    private RepeatedImages() {}

    /**
     * Writes the files, plain.
     *
     * @param data directory of the set, its files plain or gzip
     * @param least how many images there are to be at least
     */
    static void write(Path data, Path directory, int least) throws IOException {
        byte[] labels = read(data, LABELS);
        int times = Math.max(1, -Math.floorDiv(-least, labels.length - IdxHeader.LABELS_HEADER_BYTES));
        write(directory.resolve(LABELS), labels, IdxHeader.LABELS_HEADER_BYTES, times);
        write(directory.resolve(IMAGES), read(data, IMAGES), IdxHeader.IMAGES_HEADER_BYTES, times);
    }

    private static byte[] read(Path data, String name) throws IOException {
        Path plain = data.resolve(name);
        Path gzip = data.resolve(name + ".gz");
        if (!Files.exists(plain) && !Files.exists(gzip)) {
            throw new FileNotFoundException("no " + name + " or " + name + ".gz in " + data);
        }
        byte[] bytes = Files.readAllBytes(Files.exists(plain) ? plain : gzip);
        if ((ByteBuffer.wrap(bytes).getShort() & 0xffff) != GZIP_MAGIC) {
            return bytes;
        }
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return in.readAllBytes();
        }
    }

    private static void write(Path file, byte[] content, int headerBytes, int times) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(content.clone(), 0, headerBytes);
        header.putInt(IdxHeader.EXAMPLES_OFFSET, header.getInt(IdxHeader.EXAMPLES_OFFSET) * times);
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(header.array(), 0, headerBytes);
            for (int i = 0; i < times; i++) {
                out.write(content, headerBytes, content.length - headerBytes);
            }
        }
    }
}
