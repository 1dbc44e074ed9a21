package dev.lockstep.memory;

import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import java.nio.ByteBuffer;

/** Moves off-heap floats to and from Kryo's streams as little-endian bytes, in pieces. Any thread. */
public final class KryoFloats {
    private static final int PIECE_BYTES = 16 * 1024;

    private KryoFloats() {}

    /** Writes all floats of an array; its length is not written. */
    public static void write(Output output, FloatArray source) {
        ByteBuffer bytes = source.rawBytes();
        byte[] piece = new byte[Math.min(PIECE_BYTES, bytes.capacity())];
        for (int offset = 0; offset < bytes.capacity(); offset += piece.length) {
            int length = Math.min(piece.length, bytes.capacity() - offset);
            bytes.get(offset, piece, 0, length);
            output.writeBytes(piece, 0, length);
        }
    }

    /** Fills an array with as many floats as it holds. */
    public static void read(Input input, FloatArray target) {
        ByteBuffer bytes = target.rawBytes();
        byte[] piece = new byte[Math.min(PIECE_BYTES, bytes.capacity())];
        for (int offset = 0; offset < bytes.capacity(); offset += piece.length) {
            int length = Math.min(piece.length, bytes.capacity() - offset);
            input.readBytes(piece, 0, length);
            bytes.put(offset, piece, 0, length);
        }
    }
}
