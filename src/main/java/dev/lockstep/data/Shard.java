package dev.lockstep.data;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.CharArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.HexFormat;

/**
 * A contiguous range of a set's examples as sparse rows outside the heap: of each image the columns and byte values of
 * the pixels that are not zero, ascending, and its label. {@link ShardReader} makes it; whoever asked for it owns
 * it and closes it once. It does not change, so any number of threads may read it at the same time, but none while
 * it is closed; a closed shard refuses use.
 *
 * <p>Rows are numbered from 0 within the shard: row r is example {@link #first} + r of the set. A row outside
 * [0, {@link #examples}) is an {@link IndexOutOfBoundsException}.
 */
public final class Shard implements AutoCloseable {
    /** Pixel bytes as the network sees them: byte / 255 as a float, the one rounding of the quotient. */
    private static final float[] VALUE_OF_BYTE = valueOfByte();

    private final OffHeapBlock block;
    private final int first;
    private final int examples;
    private final int pixels;
    private final int maxNonZeros;
    private final long fingerprint;
    private final IntArray rowStarts;
    private final CharArray narrowColumns;
    private final IntArray wideColumns;
    private final ByteArray values;
    private final ByteArray labels;

    /** Takes over the block, which is filled as the layout says. */
    Shard(OffHeapBlock block, ShardLayout layout, int first, int maxNonZeros, long fingerprint) {
        int nonZeros = (int) layout.nonZeros();
        int columnsOffset = (int) layout.columnsOffset();
        this.block = block;
        this.first = first;
        this.examples = layout.examples();
        this.pixels = layout.pixels();
        this.maxNonZeros = maxNonZeros;
        this.fingerprint = fingerprint;
        this.rowStarts = block.ints(0, examples + 1);
        this.narrowColumns = layout.wide() ? null : block.chars(columnsOffset, nonZeros);
        this.wideColumns = layout.wide() ? block.ints(columnsOffset, nonZeros) : null;
        this.values = block.bytes((int) layout.valuesOffset(), nonZeros);
        this.labels = block.bytes((int) layout.labelsOffset(), examples);
    }

    /** Number of the first row's example in the set. */
    public int first() {
        return first;
    }

    /** Number of rows. */
    public int examples() {
        return examples;
    }

    /** Pixels of an image: the width of a row if it were dense. */
    public int pixels() {
        return pixels;
    }

    /** The class of a row, 0 to 255. */
    public int label(int row) {
        return labels.get(row);
    }

    /** Pixels of a row that are not zero. */
    public int nonZeros(int row) {
        return rowStarts.get(row + 1) - rowStarts.get(row);
    }

    /** The largest {@link #nonZeros} of all rows; 0 for a shard without rows. */
    public int maxNonZeros() {
        return maxNonZeros;
    }

    /** Off-heap bytes that the shard holds. */
    public long offHeapBytes() {
        return block.lengthBytes();
    }

    /**
     * A sum over the rows of 64 well-mixed bits each, which depend on the example's number in the set, its label,
     * the image's shape and its pixels. Sums of shards add up (in wrapping longs) to the fingerprint of the set,
     * whatever the number of shards and however the files are stored. It shows change and mix-up; it does not
     * withstand someone who makes up data to match.
     */
    public long fingerprint() {
        return fingerprint;
    }

    /** A fingerprint, or a sum of them, for people: 16 hexadecimal digits. */
    public static String fingerprintText(long sum) {
        return HexFormat.of().toHexDigits(sum);
    }

    /**
     * Copies a row's non-zero pixels. Allocates nothing.
     *
     * @param row 0 to examples - 1
     * @param columns receives the columns, ascending, from {@code offset} on
     * @param floats receives the values, byte / 255, from {@code offset} on
     * @param offset where to begin in both
     * @return how many elements the row has: {@link #nonZeros}
     * @throws IndexOutOfBoundsException if the row is not in the shard or an array is too short
     */
    public int copyRow(int row, IntArray columns, FloatArray floats, int offset) {
        IntBuffer starts = rowStarts.buffer();
        int start = starts.get(row);
        int count = starts.get(row + 1) - start;
        IntBuffer toColumns = columns.buffer();
        FloatBuffer toValues = floats.buffer();
        ByteBuffer fromValues = values.buffer();
        if (wideColumns == null) {
            // One loop over both, which takes three quarters of the time of a loop for each (34 us against 46 us for
            // 100
            // rows of MNIST); reading several elements as one long is slower still (55 us).
            CharBuffer fromColumns = narrowColumns.buffer();
            for (int i = 0; i < count; i++) {
                toColumns.put(offset + i, fromColumns.get(start + i));
                toValues.put(offset + i, VALUE_OF_BYTE[fromValues.get(start + i) & 0xff]);
            }
        } else {
            toColumns.put(offset, wideColumns.buffer(), start, count);
            for (int i = 0; i < count; i++) {
                toValues.put(offset + i, VALUE_OF_BYTE[fromValues.get(start + i) & 0xff]);
            }
        }
        return count;
    }

    /**
     * Frees the memory. Only the owner calls this, once, when no thread reads the shard.
     *
     * @throws IllegalStateException if it is closed already
     */
    @Override
    public void close() {
        block.close();
    }

    private static float[] valueOfByte() {
        float[] table = new float[256];
        for (int b = 0; b < table.length; b++) {
            table[b] = b / 255f;
        }
        return table;
    }
}
