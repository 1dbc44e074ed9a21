package dev.lockstep.data;

import dev.lockstep.BadInputException;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.OffHeapBlock;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;

/**
 * Makes shards from rows as they arrive, one after the other: {@link #begin}, for each example {@link #beginRow}, {@link
 * #pixels} until it is whole or {@link #groups} once, {@link #endRow}, and at last {@link #finish}. What it needs meanwhile grows
 * with the data that came, never with what a header promises, and is used again for the next shard; the shard's own
 * block is allocated once, exactly as long as it has to be. One thread; it owns its scratch memory until {@link
 * #close}.
 */
final class ShardBuilder implements AutoCloseable {
    /** A group, in the order in which off-heap arrays are written, so that its bytes keep their places. */
    private static final VarHandle FOUR_BYTES =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final String name;
    private final int rows;
    private final int columns;
    private final boolean isFloats;
    private final long maxShardBytes;
    private final boolean wide;
    private final ShardScratch rowStarts = new ShardScratch();
    private final ShardScratch groups = new ShardScratch();
    private final ShardScratch values = new ShardScratch();
    private final ShardScratch labels = new ShardScratch();
    private final CRC32C crc32c = new CRC32C();
    private final CRC32 crc32 = new CRC32();
    private ShardRange range;
    private int row;
    private int label;
    private int column;
    private final byte[] group = new byte[SparseBatch.COLUMNS]; // the pixels that came of the group under way
    private int rowBlocks;
    private int maxBlocks;
    private long blocks;
    private long fingerprint;

    /**
     * @param name of the set, for errors
     * @param rows of an example, which has rows x columns inputs
     * @param isFloats whether rows come by {@link #groups}, not by {@link #pixels}
     * @param maxShardBytes refuse a shard that is longer; {@link ShardLayout#MAX_BYTES} except in tests
     */
    ShardBuilder(String name, int rows, int columns, boolean isFloats, long maxShardBytes) {
        this.name = name;
        this.rows = rows;
        this.columns = columns;
        this.isFloats = isFloats;
        this.maxShardBytes = maxShardBytes;
        this.wide = new ShardLayout(0, 0, rows * columns, isFloats).wide();
    }

    /** @throws BadInputException if the shard would not fit a block even without a single pixel */
    void begin(ShardRange examples) {
        range = examples;
        row = 0;
        maxBlocks = 0;
        blocks = 0;
        fingerprint = 0;
        rowStarts.clear();
        groups.clear();
        values.clear();
        labels.clear();
        rowStarts.addInt(0);
        requireFit();
    }

    void beginRow(int itsLabel) {
        label = itsLabel;
        column = 0;
        rowBlocks = 0;
        crc32c.reset();
        crc32.reset();
    }

    /**
     * The next pixels of the row.
     *
     * @throws BadInputException if the shard gets longer than a block can be
     */
    void pixels(byte[] source, int offset, int count) {
        crc32c.update(source, offset, count);
        crc32.update(source, offset, count);
        int at = offset;
        int end = offset + count;
        while (at < end && column % SparseBatch.COLUMNS != 0) {
            pixel(source[at++]);
        }
        // Whole groups as one number each: byte by byte, this loop took half of the time of a whole prediction.
        for (; at <= end - SparseBatch.COLUMNS; at += SparseBatch.COLUMNS) {
            addGroup((int) FOUR_BYTES.get(source, at));
            column += SparseBatch.COLUMNS;
        }
        while (at < end) {
            pixel(source[at++]);
        }
        requireFit();
    }

    /** A pixel of a group that comes in pieces. */
    private void pixel(byte value) {
        group[column % SparseBatch.COLUMNS] = value;
        if (column % SparseBatch.COLUMNS == SparseBatch.COLUMNS - 1) {
            endGroup();
        }
        column++;
    }

    private void endGroup() {
        addGroup((int) FOUR_BYTES.get(group, 0));
        Arrays.fill(group, (byte) 0);
    }

    /** The group that {@link #column} is in. */
    private void addGroup(int pixelBytes) {
        if (pixelBytes != 0) {
            addNumber(column / SparseBatch.COLUMNS);
            values.addInt(pixelBytes);
        }
    }

    private void addNumber(int number) {
        if (wide) {
            groups.addInt(number);
        } else {
            groups.addByte((byte) number);
        }
        rowBlocks++;
        blocks++;
    }

    /**
     * The groups of the row in which not all inputs are zero, as they stand in a file of {@link StagedRows}.
     *
     * @param numbers of the groups, ascending and inside the row, which the caller has checked
     * @param bytes where the record's numbers and values stand
     * @throws BadInputException as {@link #pixels}
     */
    void groups(int[] numbers, int count, byte[] bytes) {
        int valuesOffset = count * Integer.BYTES;
        int valuesBytes = count * SparseBatch.COLUMNS * Float.BYTES;
        crc32c.update(bytes, 0, valuesOffset + valuesBytes);
        crc32.update(bytes, 0, valuesOffset + valuesBytes);
        for (int i = 0; i < count; i++) {
            addNumber(numbers[i]);
        }
        values.addBytes(bytes, valuesOffset, valuesBytes);
        requireFit();
    }

    /** @throws BadInputException as {@link #pixels} */
    void endRow() {
        if (column % SparseBatch.COLUMNS != 0) {
            endGroup();
            requireFit();
        }
        labels.addByte((byte) label);
        rowStarts.addInt((int) blocks);
        maxBlocks = Math.max(maxBlocks, rowBlocks);
        fingerprint += ShardFingerprint.ofExample(
                range.first() + row, label, rows, columns, crc32c.getValue(), crc32.getValue());
        row++;
    }

    /** The shard; the caller owns it. */
    Shard finish() {
        if (row != range.count()) {
            throw new IllegalStateException("shard: expected " + range.count() + " rows, found " + row);
        }
        ShardLayout layout = layout();
        OffHeapBlock block = OffHeapBlock.allocate(layout.lengthBytes(), "shard from example " + range.first() + " on");
        ByteArray target = block.bytes();
        rowStarts.copyTo(target, 0);
        copyRecords(layout, target);
        labels.copyTo(target, (int) layout.labelsOffset());
        return new Shard(block, layout, range.first(), maxBlocks, fingerprint);
    }

    private void copyRecords(ShardLayout layout, ByteArray target) {
        ShardScratch.Reader itsGroups = groups.reader();
        ShardScratch.Reader itsValues = values.reader();
        ByteBuffer starts = target.buffer();
        int at = (int) layout.recordsOffset();
        for (int r = 0; r < row; r++) {
            int count = starts.getInt((r + 1) * Integer.BYTES) - starts.getInt(r * Integer.BYTES);
            at = itsGroups.copyTo(target, at, count * layout.numberBytes());
            at = itsValues.copyTo(target, at, count * layout.valuesBytes());
        }
    }

    @Override
    public void close() {
        rowStarts.close();
        groups.close();
        values.close();
        labels.close();
    }

    private ShardLayout layout() {
        return new ShardLayout(range.count(), blocks, rows * columns, isFloats);
    }

    private void requireFit() {
        long neededBytes = layout().lengthBytes();
        if (neededBytes > maxShardBytes) {
            throw new BadInputException(name + ": shard of examples " + range.first() + " to "
                    + (range.end() - 1) + ": expected at most " + maxShardBytes + " bytes of off-heap memory, found "
                    + neededBytes + " or more; use more --shards");
        }
    }
}
