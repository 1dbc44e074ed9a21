package dev.lockstep.files;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads and writes safetensors files of float32 tensors. The layout stands in {@link SafetensorsLayout}. Both ways go
 * through the stream once; neither closes it. No state: any thread may call.
 */
public final class SafetensorsFile {
    /**
     * What a file holds.
     *
     * @param tensors in the order of their values in the file
     * @param metadata free text by key, in the order of the file; empty if there is none. A stranger may have written
     *     it: show it, do not act on it.
     */
    public record Contents(List<Tensor> tensors, Map<String, String> metadata) {}

    private SafetensorsFile() {}

    /**
     * Writes a file. Equal tensors and equal metadata give equal bytes.
     *
     * @param out left open, not flushed
     * @param tensors in this order, each name once
     * @param metadata free text by key; sorted by key in the file
     * @throws IllegalArgumentException if two tensors have one name or one is called {@code __metadata__}
     * @throws IOException if the stream refuses the bytes
     */
    public static void write(OutputStream out, List<Tensor> tensors, Map<String, String> metadata) throws IOException {
        byte[] header = SafetensorsHeader.encode(tensors, metadata);
        out.write(ByteBuffer.allocate(SafetensorsLayout.HEADER_LENGTH_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .array());
        out.write(header);
        for (Tensor tensor : tensors) {
            TensorValues.write(out, tensor.values());
        }
    }

    /**
     * Reads a whole file. Memory is taken for what the length of the file bears out, never for what its header claims.
     *
     * @param name of the file, for messages
     * @param in at the first byte; left open, at the end
     * @param fileLengthBytes as the file system tells it
     * @throws BadInputException if the file is damaged, truncated, over-long, or holds other numbers than float32
     * @throws IOException if the stream cannot be read
     */
    public static Contents read(String name, InputStream in, long fileLengthBytes) throws IOException {
        if (fileLengthBytes < SafetensorsLayout.HEADER_OFFSET) {
            throw TensorFileFault.at(
                    name,
                    SafetensorsLayout.HEADER_LENGTH_OFFSET,
                    "a header length of " + SafetensorsLayout.HEADER_LENGTH_BYTES + " bytes",
                    "a file of " + fileLengthBytes + " bytes (truncated)");
        }
        byte[] lengthField = readExactly(name, SafetensorsLayout.HEADER_LENGTH_OFFSET, in, Long.BYTES);
        long headerBytes =
                ByteBuffer.wrap(lengthField).order(ByteOrder.LITTLE_ENDIAN).getLong();
        long limit = Math.min(SafetensorsLayout.MAX_HEADER_BYTES, fileLengthBytes - SafetensorsLayout.HEADER_OFFSET);
        // Negative is a length of 2^63 and more.
        if (headerBytes < 0 || headerBytes > limit) {
            throw TensorFileFault.at(
                    name,
                    SafetensorsLayout.HEADER_LENGTH_OFFSET,
                    "a header length of at most " + limit + " in a file of " + fileLengthBytes + " bytes",
                    Long.toUnsignedString(headerBytes));
        }
        byte[] headerField = readExactly(name, SafetensorsLayout.HEADER_OFFSET, in, (int) headerBytes);
        long dataOffset = SafetensorsLayout.HEADER_OFFSET + headerBytes;
        SafetensorsHeader header = SafetensorsHeader.parse(name, headerField, fileLengthBytes - dataOffset);
        List<Tensor> tensors = new ArrayList<>();
        for (SafetensorsHeader.Entry entry : header.entries()) {
            float[] values = new float[entry.elements()];
            long offset = dataOffset + entry.beginBytes();
            TensorValues.read(name, offset, in, values, 0, Float.BYTES, ByteOrder.LITTLE_ENDIAN);
            tensors.add(new Tensor(entry.name(), entry.shape(), values));
        }
        if (in.read() >= 0) {
            throw TensorFileFault.at(name, fileLengthBytes, "the end of the file", "more bytes than its length says");
        }
        return new Contents(List.copyOf(tensors), header.metadata());
    }

    private static byte[] readExactly(String name, long offsetBytes, InputStream in, int lengthBytes)
            throws IOException {
        byte[] bytes = in.readNBytes(lengthBytes);
        if (bytes.length < lengthBytes) {
            throw TensorFileFault.at(
                    name,
                    offsetBytes + bytes.length,
                    (lengthBytes - bytes.length) + " more bytes of the header",
                    "the end of the file (truncated)");
        }
        return bytes;
    }
}
