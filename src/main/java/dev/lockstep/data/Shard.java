package dev.lockstep.data;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.HexFormat;

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
    private static final int CACHE_LINE_BYTES = 64;
    /** Values of a row that {@link #touchRow} fetches; of more, the processor sees that they are read in sequence. */
    private static final int TOUCHED_BYTES = 256;

    private final OffHeapBlock block;
    private final int first;
    private final int examples;
    private final int inputs;
    private final int maxGroups;
    private final long fingerprint;
    private final IntArray rowStarts;
    private final ByteArray narrowGroups;
    private final IntArray wideGroups;
    private final ByteArray pixels; // null if the values are floats
    private final FloatArray floats; // null if they are pixels
    private final ByteArray labels;

    /** Takes over the block, which is filled as the layout says. */
    Shard(OffHeapBlock block, ShardLayout layout, int first, int maxGroups, long fingerprint) {
        int blocks = (int) layout.blocks();
        int groupsOffset = (int) layout.groupsOffset();
        int valuesOffset = (int) layout.valuesOffset();
        int values = blocks * SparseBatch.COLUMNS;
        this.block = block;
        this.first = first;
        this.examples = layout.examples();
        this.inputs = layout.inputs();
        this.maxGroups = maxGroups;
        this.fingerprint = fingerprint;
        this.rowStarts = block.ints(0, examples + 1);
        this.narrowGroups = layout.wide() ? null : block.bytes(groupsOffset, blocks);
        this.wideGroups = layout.wide() ? block.ints(groupsOffset, blocks) : null;
        this.pixels = layout.isFloats() ? null : block.bytes(valuesOffset, values);
        this.floats = layout.isFloats() ? block.floats(valuesOffset, values) : null;
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
     * @param kernels whose {@link Kernels#copyPixels} makes values of pixels
     * @throws IndexOutOfBoundsException if the row is not in the shard or the batch has no room for it
     */
    public void copyRow(int row, SparseBatch batch, Kernels kernels) {
        IntBuffer starts = rowStarts.buffer();
        int start = starts.get(row);
        int count = starts.get(row + 1) - start;
        int[] groups = batch.groupOf();
        int offset = batch.blocks();
        if (wideGroups == null) {
            ByteBuffer narrow = narrowGroups.buffer();
            for (int i = 0; i < count; i++) {
                groups[offset + i] = narrow.get(start + i) & 0xff;
            }
        } else {
            wideGroups.buffer().get(start, groups, offset, count);
        }
        int first = start * SparseBatch.COLUMNS;
        int to = offset * SparseBatch.COLUMNS;
        int length = count * SparseBatch.COLUMNS;
        if (floats == null) {
            kernels.copyPixels(pixels, first, batch.values(), to, length);
        } else {
            floats.buffer().get(first, batch.values(), to, length);
        }
        batch.endRow(count, label(row));
    }

    /**
     * Reads a little of a row here and there, so that it is on its way to the cache when {@link #copyRow} comes. Done for
     * all rows of a run before the first is copied, they are fetched side by side and not one after the other. There is
     * no branch on what is read, since one that is mispredicted would wait for the memory.
     *
     * @return a number that means nothing; keep it, or the compiler may drop the reads
     */
    public int touchRow(int row) {
        IntBuffer starts = rowStarts.buffer();
        int start = starts.get(row);
        int end = starts.get(row + 1);
        int sum = labels.buffer().get(row);
        if (maxGroups > 0) {
            int valueBytes = floats == null ? Byte.BYTES : Float.BYTES;
            ByteBuffer values = floats == null ? pixels.buffer() : floats.rawBytes();
            int last = end * SparseBatch.COLUMNS * valueBytes - 1;
            for (int i = 0; i < TOUCHED_BYTES; i += CACHE_LINE_BYTES) {
                sum += values.get(Math.max(0, Math.min(start * SparseBatch.COLUMNS * valueBytes + i, last)));
            }
            if (wideGroups == null) {
                sum += narrowGroups.buffer().get(Math.max(0, Math.min(start, end - 1)));
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
