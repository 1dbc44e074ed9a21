package dev.lockstep.data;

import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.HexFormat;
import java.util.Objects;

/**
 * A contiguous range of a set's examples as sparse rows outside the heap: of each row the groups of neighbouring inputs that
 * are not all zero, ascending, with their values (an image's pixels as bytes, other rows' inputs as floats), and its label;
 * see {@link SparseBatch}. {@link LabelledRows#read} makes it; whoever asked for it owns it and closes it once. It does not change, so any number of threads may read it at the same time, but none while
 * it is closed; a closed shard refuses use.
 *
 * <p>Rows are numbered from 0 within the shard: row r is example {@link #first} + r of the set. A row outside
 * [0, {@link #examples}) is an {@link IndexOutOfBoundsException}.
 */
public final class Shard implements AutoCloseable {
    private static final int CACHE_LINE_BYTES = OffHeapBlock.CACHE_LINE_BYTES;
    /** Those of nearly all rows of MNIST; of longer ones, the processor sees that they are read in sequence. */
    private static final int TOUCHED_LINES = 5;

    private final OffHeapBlock block;
    private final int first;
    private final int examples;
    private final int inputs;
    private final int maxGroups;
    private final long fingerprint;
    private final int numberBytes;
    private final int groupBytes; // of its number and values
    private final IntArray rowStarts;
    private final ByteArray records;
    private final IntArray recordInts; // null if groups are numbered by bytes
    private final FloatArray recordFloats; // null if values are pixels
    private final ByteArray labels;

    /** Takes over the block, which is filled as the layout says. */
    Shard(OffHeapBlock block, ShardLayout layout, int first, int maxGroups, long fingerprint) {
        int offset = (int) layout.recordsOffset();
        int bytes = (int) layout.recordsBytes();
        this.block = block;
        this.first = first;
        this.examples = layout.examples();
        this.inputs = layout.inputs();
        this.maxGroups = maxGroups;
        this.fingerprint = fingerprint;
        this.numberBytes = layout.numberBytes();
        this.groupBytes = numberBytes + layout.valuesBytes();
        this.rowStarts = block.ints(0, examples + 1);
        this.records = block.bytes(offset, bytes);
        this.recordInts = layout.wide() ? block.ints(offset, bytes / Integer.BYTES) : null;
        this.recordFloats = layout.isFloats() ? block.floats(offset, bytes / Float.BYTES) : null;
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

    /** The width of a row if it were dense: the pixels of an image. */
    public int inputs() {
        return inputs;
    }

    /** The class of a row, 0 to 255. */
    public int label(int row) {
        return labels.get(row);
    }

    /** Groups of a row's inputs in which there are some that are not zero. */
    public int groups(int row) {
        return rowStarts.get(row + 1) - rowStarts.get(row);
    }

    /** The largest {@link #groups} of all rows; 0 for a shard without rows. */
    public int maxGroups() {
        return maxGroups;
    }

    /** Off-heap bytes that the shard holds. */
    public long offHeapBytes() {
        return block.lengthBytes();
    }

    /**
     * A sum over the rows of 64 well-mixed bits each, which depend on the example's number in the set, its label,
     * the row's shape and its values. Sums of shards add up (in wrapping longs) to the fingerprint of the set,
     * whatever the number of shards and however the set is stored. It shows change and mix-up; it does not
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
     * Appends a row with its label to a batch. Allocates nothing.
     *
     * @param row 0 to examples - 1
     * @throws IndexOutOfBoundsException if the row is not in the shard or the batch has no room for it
     */
    public void copyRow(int row, SparseBatch batch) {
        IntBuffer starts = rowStarts.buffer();
        int start = starts.get(row);
        int count = starts.get(row + 1) - start;
        int numbersAt = start * groupBytes;
        if (recordFloats == null) {
            batch.addPixels(records.buffer(), numbersAt, numberBytes, count, label(row));
            return;
        }
        int[] groups = batch.groupOf();
        int offset = batch.blocks();
        if (recordInts == null) {
            ByteBuffer numbers = records.buffer();
            for (int i = 0; i < count; i++) {
                groups[offset + i] = numbers.get(numbersAt + i) & 0xff;
            }
        } else {
            recordInts.buffer().get(numbersAt / Integer.BYTES, groups, offset, count);
        }
        int valuesAt = numbersAt + count * numberBytes;
        recordFloats
                .buffer()
                .get(valuesAt / Float.BYTES, batch.values(), offset * SparseBatch.COLUMNS, count * SparseBatch.COLUMNS);
        batch.endRow(count, label(row));
    }

    /**
     * Reads a little of some rows' cache lines, so that they are on their way to the cache when {@link #copyRow} comes. They are
     * fetched side by side and not one after the other, as many as the processor sees at once: so there is as little to do
     * for a row as can be, and no branch on what is read, since one that is mispredicted would wait for the memory. A shard
     * of a few cache lines is left alone.
     *
     * @param rows numbers of rows, those from {@code from} to before {@code to} are touched
     * @param scratch as long as {@code rows}; written where {@code rows} is read
     * @return a number that means nothing; keep it, or the compiler may drop the reads
     */
    public int touchRows(int[] rows, int from, int to, int[] scratch) {
        IntBuffer starts = rowStarts.buffer();
        ByteBuffer bytes = records.buffer();
        int last = bytes.capacity() - TOUCHED_LINES * CACHE_LINE_BYTES;
        for (int i = from; i < to; i++) {
            scratch[i] = Math.min(starts.get(Objects.checkIndex(rows[i], examples)) * groupBytes, last);
        }
        int sum = 0;
        for (int i = from; i < to && last >= 0; i++) {
            int at = scratch[i];
            sum += bytes.get(at);
            sum += bytes.get(at + CACHE_LINE_BYTES);
            sum += bytes.get(at + 2 * CACHE_LINE_BYTES);
            sum += bytes.get(at + 3 * CACHE_LINE_BYTES);
            sum += bytes.get(at + 4 * CACHE_LINE_BYTES);
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
