package dev.lockstep.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Moves the values of a tensor between a float array and a stream, through one buffer of fixed size. */
final class TensorValues {
    private static final int BUFFER_BYTES = 1 << 16;

    /** So many are taken on trust. */
    private static final int FIRST_ELEMENTS = 1 << 16;

    private TensorValues() {}

    /** Writes all values as little-endian float32, bit for bit. */
    static void write(OutputStream out, float[] values) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int done = 0; done < values.length; ) {
            int count = Math.min(values.length - done, BUFFER_BYTES / Float.BYTES);
            buffer.asFloatBuffer().put(values, done, count);
            out.write(buffer.array(), 0, count * Float.BYTES);
            done += count;
        }
    }

    /**
     * Fills the array. Numbers of eight bytes are rounded to the nearest float32.
     *
     * @param file for messages
     * @param offsetBytes where the array's first value stands in it, for messages
     * @param from the value at which the stream stands, the first to be read
     * @param itemBytes 4 or 8: float32 or float64
     * @throws dev.lockstep.BadInputException if the stream ends too early, or a finite number is too large for float32
     */
    static void read(
            String file, long offsetBytes, InputStream in, float[] into, int from, int itemBytes, ByteOrder order)
            throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(order);
        for (int done = from; done < into.length; ) {
            int count = Math.min(into.length - done, BUFFER_BYTES / itemBytes);
            int got = in.readNBytes(buffer.array(), 0, count * itemBytes);
            long chunkOffset = offsetBytes + (long) done * itemBytes;
            if (got < count * itemBytes) {
                long left = (long) (into.length - done) * itemBytes;
                throw TensorFileFault.at(file, chunkOffset + got, (left - got) + " more bytes of values", "the end");
            }
            if (itemBytes == Float.BYTES) {
                buffer.asFloatBuffer().get(into, done, count);
            } else {
                for (int i = 0; i < count; i++) {
                    into[done + i] = narrow(file, chunkOffset + (long) i * itemBytes, buffer.getDouble(i * itemBytes));
                }
            }
            done += count;
        }
    }

    /**
     * Reads values whose number nobody vouches for: memory grows with what is there, to twice of it at most. Throws as
     * {@link #read} does.
     */
    static float[] readGrowing(
            String file, long offsetBytes, InputStream in, int elements, int itemBytes, ByteOrder order)
            throws IOException {
        float[] values = new float[Math.min(elements, FIRST_ELEMENTS)];
        int done = 0;
        while (true) {
            read(file, offsetBytes, in, values, done, itemBytes, order);
            done = values.length;
            if (done == elements) {
                return values;
            }
            values = Arrays.copyOf(values, (int) Math.min(elements, 2L * done));
        }
    }

    private static float narrow(String file, long offsetBytes, double value) {
        float narrowed = (float) value;
        if (Float.isInfinite(narrowed) && !Double.isInfinite(value)) {
            throw TensorFileFault.at(file, offsetBytes, "a number within float32", Double.toString(value));
        }
        return narrowed;
    }
}
