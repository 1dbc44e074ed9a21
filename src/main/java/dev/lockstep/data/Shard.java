package dev.lockstep.data;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.CharArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
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
    private static final Kernels KERNELS = Kernels.best();
    private static final int CACHE_LINE_BYTES = 64;
    /** Elements of a row that {@link #touchRow} fetches; of more, the processor sees that they are read in sequence. */
    private static final int TOUCHED_ELEMENTS = 192;

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
        if (wideColumns == null) {
            KERNELS.copyColumns(narrowColumns, start, columns, offset, count);
        } else {
            columns.buffer().put(offset, wideColumns.buffer(), start, count);
        }
        KERNELS.copyPixels(values, start, floats, offset, count);
        return count;
    }

    /**
     * Reads a little of a row here and there, so that it is on its way to the cache when {@link #copyRow} comes. Done for
     * all rows of a batch before the first is copied, they are fetched side by side and not one after the other: copying
     * 50 rows of MNIST at random takes 20 us without and 12 us with. There is no branch on what is read, since one that is
     * mispredicted would wait for the memory.
     *
     * @return a number that means nothing; keep it, or the compiler may drop the reads
     */
    public int touchRow(int row) {
        IntBuffer starts = rowStarts.buffer();
        int start = starts.get(row);
        int last = starts.get(row + 1) - 1;
        int sum = labels.buffer().get(row);
        if (maxNonZeros > 0) {
            ByteBuffer pixelValues = values.buffer();
            for (int i = 0; i < TOUCHED_ELEMENTS; i += CACHE_LINE_BYTES) {
                sum += pixelValues.get(Math.max(0, Math.min(start + i, last)));
            }
            if (wideColumns == null) {
                CharBuffer columns = narrowColumns.buffer();
                for (int i = 0; i < TOUCHED_ELEMENTS; i += CACHE_LINE_BYTES / Character.BYTES) {
                    sum += columns.get(Math.max(0, Math.min(start + i, last)));
                }
            }
        }
        return sum;
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
}
