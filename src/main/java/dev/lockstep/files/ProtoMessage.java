package dev.lockstep.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A message in the encoding of protocol buffers (see {@link OnnxLayout}) as it grows, field by field. Values of tensors
 * are not copied. Why not Google's library: it would be a dependency for these forty lines, and of another version than
 * what a user's Spark brings.
 */
final class ProtoMessage {
    /** Bytes that are there, or values that are written as little-endian float32. */
    private interface Piece {
        long lengthBytes();

        void writeTo(OutputStream out) throws IOException;
    }

    private record Raw(byte[] bytes) implements Piece {
        @Override
        public long lengthBytes() {
            return bytes.length;
        }

        @Override
        public void writeTo(OutputStream out) throws IOException {
            out.write(bytes);
        }
    }

    private record Floats(float[] values) implements Piece {
        @Override
        public long lengthBytes() {
            return (long) values.length * Float.BYTES;
        }

        @Override
        public void writeTo(OutputStream out) throws IOException {
            TensorValues.write(out, values);
        }
    }

    private final List<Piece> pieces = new ArrayList<>();

    /** A whole number, from 0. */
    ProtoMessage number(int field, long value) {
        ByteArrayOutputStream bytes = tag(field, OnnxLayout.VARINT);
        varint(bytes, value);
        return add(bytes);
    }

    /** A text. */
    ProtoMessage text(int field, String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = tag(field, OnnxLayout.BYTES);
        varint(bytes, utf8.length);
        bytes.writeBytes(utf8);
        return add(bytes);
    }

    /** A message, which must not grow any more. */
    ProtoMessage message(int field, ProtoMessage value) {
        ByteArrayOutputStream bytes = tag(field, OnnxLayout.BYTES);
        varint(bytes, value.lengthBytes());
        add(bytes);
        pieces.addAll(value.pieces);
        return this;
    }

    /** The bytes of values, which must not change any more. */
    ProtoMessage floats(int field, float[] values) {
        Floats piece = new Floats(values);
        ByteArrayOutputStream bytes = tag(field, OnnxLayout.BYTES);
        varint(bytes, piece.lengthBytes());
        add(bytes);
        pieces.add(piece);
        return this;
    }

    /** Length of the fields so far. */
    long lengthBytes() {
        return pieces.stream().mapToLong(Piece::lengthBytes).sum();
    }

    /** Writes the fields. */
    void writeTo(OutputStream out) throws IOException {
        for (Piece piece : pieces) {
            piece.writeTo(out);
        }
    }

    private ProtoMessage add(ByteArrayOutputStream bytes) {
        pieces.add(new Raw(bytes.toByteArray()));
        return this;
    }

    private static ByteArrayOutputStream tag(int field, int wireType) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        varint(bytes, (long) field << 3 | wireType);
        return bytes;
    }

    private static void varint(ByteArrayOutputStream bytes, long value) {
        long rest = value;
        while (rest >>> 7 != 0) {
            bytes.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        bytes.write((int) rest);
    }
}
