package dev.lockstep.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Reads a message in the encoding of protocol buffers (see {@link OnnxLayout}) from front to back. Every length is held
 * against what is left of the message around it, the whole file being the outermost, before anything is read. One thread.
 */
final class ProtoReader {
    private static final int MAX_VARINT_BYTES = 10;
    private static final int SKIP_BYTES = 1 << 13;

    private final String file;
    private final InputStream in;
    private long position;
    private int field;
    private int wireType;

    ProtoReader(String file, InputStream in) {
        this.file = file;
        this.in = in;
    }

    /** Bytes read so far. */
    long position() {
        return position;
    }

    /**
     * Goes to the next field of a message, whose value has to be read or skipped then.
     *
     * @param end where the message ends in the file
     * @return the field's number; 0 at the end
     */
    int next(long end) throws IOException {
        if (position == end) {
            return 0;
        }
        long start = position;
        long tag = varint(end);
        field = (int) (tag >>> 3);
        wireType = (int) (tag & 7);
        if (tag >>> 32 != 0 || field == 0) {
            throw TensorFileFault.at(file, start, "the number of a field", Long.toUnsignedString(tag >>> 3));
        }
        if (wireType != OnnxLayout.VARINT
                && wireType != OnnxLayout.BYTES
                && wireType != OnnxLayout.FIXED_32
                && wireType != OnnxLayout.FIXED_64) {
            throw TensorFileFault.at(file, start, "wire type 0, 1, 2 or 5 of field " + field, "type " + wireType);
        }
        return field;
    }

    /** Passes over the value of the field. */
    void skip(long end) throws IOException {
        switch (wireType) {
            case OnnxLayout.VARINT -> varint(end);
            case OnnxLayout.FIXED_32 -> skipBytes(Float.BYTES, end);
            case OnnxLayout.FIXED_64 -> skipBytes(Double.BYTES, end);
            default -> skipBytes(lengthPrefix(end), end);
        }
    }

    /** The value of the field: a whole number from 0 to a limit. */
    long number(long end, long limit) throws IOException {
        expectType(OnnxLayout.VARINT, "a number");
        long start = position;
        long value = varint(end);
        if (value < 0 || value > limit) {
            throw TensorFileFault.at(
                    file, start, "a number from 0 to " + limit + " in field " + field, Long.toString(value));
        }
        return value;
    }

    /** Whether the field's value is bytes, as repeated numbers may be. */
    boolean isBytes() {
        return wireType == OnnxLayout.BYTES;
    }

    /** A number of several that stand together. */
    long packed(long end, long limit) throws IOException {
        wireType = OnnxLayout.VARINT;
        return number(end, limit);
    }

    /** The value of the field: a message, a text or bytes. Returns where it ends. */
    long enter(long end) throws IOException {
        expectType(OnnxLayout.BYTES, "a length");
        long length = lengthPrefix(end);
        return position + length;
    }

    /** A text up to an end that {@link #enter} returned. */
    String text(long end, int limitBytes) throws IOException {
        long start = position;
        if (end - position > limitBytes) {
            throw TensorFileFault.at(
                    file, start, "a text of at most " + limitBytes + " bytes", (end - position) + " bytes");
        }
        byte[] bytes = new byte[(int) (end - position)];
        readFully(bytes, bytes.length);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw TensorFileFault.at(file, start, "a text in UTF-8", "other bytes");
        }
    }

    /** Values of float32 up to an end that {@link #enter} returned. */
    float[] floats(long end) throws IOException {
        long lengthBytes = end - position;
        if (lengthBytes % Float.BYTES != 0 || lengthBytes / Float.BYTES > Tensor.MAX_ELEMENTS) {
            throw TensorFileFault.at(
                    file,
                    position,
                    "a multiple of " + Float.BYTES + " bytes, for at most " + Tensor.MAX_ELEMENTS + " values",
                    lengthBytes + " bytes");
        }
        float[] values = new float[(int) (lengthBytes / Float.BYTES)];
        TensorValues.read(file, position, in, values, 0, Float.BYTES, ByteOrder.LITTLE_ENDIAN);
        position = end;
        return values;
    }

    private void expectType(int expected, String what) {
        if (wireType != expected) {
            throw TensorFileFault.at(file, position, what + " as value of field " + field, "wire type " + wireType);
        }
    }

    private long lengthPrefix(long end) throws IOException {
        long start = position;
        long length = varint(end);
        if (length < 0 || length > end - position) {
            throw TensorFileFault.at(
                    file,
                    start,
                    "a length of at most " + (end - position) + " bytes in field " + field,
                    Long.toUnsignedString(length));
        }
        return length;
    }

    private long varint(long end) throws IOException {
        long start = position;
        long value = 0;
        for (int i = 0; i < MAX_VARINT_BYTES && position < end; i++) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            position++;
            value |= (long) (next & 0x7f) << (7 * i);
            if (next < 0x80) {
                return value;
            }
        }
        throw TensorFileFault.at(file, start, "a whole number within the message", "the end of it, or over 10 bytes");
    }

    private void skipBytes(long count, long end) throws IOException {
        if (count > end - position) {
            throw TensorFileFault.at(file, position, count + " bytes in field " + field, (end - position) + " bytes");
        }
        byte[] buffer = new byte[(int) Math.min(count, SKIP_BYTES)];
        for (long left = count; left > 0; ) {
            int step = (int) Math.min(left, buffer.length);
            readFully(buffer, step);
            left -= step;
        }
    }

    private void readFully(byte[] bytes, int count) throws IOException {
        int got = in.readNBytes(bytes, 0, count);
        position += got;
        if (got < count) {
            throw TensorFileFault.at(file, position, (count - got) + " more bytes", "the end of the file (truncated)");
        }
    }
}
