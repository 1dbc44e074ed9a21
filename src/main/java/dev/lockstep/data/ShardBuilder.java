package dev.lockstep.data;

import dev.lockstep.BadInputException;
import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.OffHeapBlock;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;

/**
 * Makes shards from pixels as they arrive, one after the other: {@link #begin}, for each example {@link #beginRow},
 * {@link #pixels} until it is whole, {@link #endRow}, and at last {@link #finish}. What it needs meanwhile grows
 * with the data that came, never with what a header promises, and is used again for the next shard; the shard's own
 * block is allocated once, exactly as long as it has to be. One thread; it owns its scratch memory until {@link
 * #close}.
 */
final class ShardBuilder implements AutoCloseable {
    private final LabelledImages files;
    private final long maxShardBytes;
    private final boolean wide;
    private final ShardScratch rowStarts = new ShardScratch();
    private final ShardScratch columns = new ShardScratch();
    private final ShardScratch values = new ShardScratch();
    private final ShardScratch labels = new ShardScratch();
    private final CRC32C crc32c = new CRC32C();
    private final CRC32 crc32 = new CRC32();
    private ShardRange range;
    private int row;
    private int label;
    private int column;
    private int rowNonZeros;
    private int maxNonZeros;
    private long nonZeros;
    private long fingerprint;

    /** @param maxShardBytes refuse a shard that is longer; {@link ShardLayout#MAX_BYTES} except in tests */
    ShardBuilder(LabelledImages files, long maxShardBytes) {
        this.files = files;
        this.maxShardBytes = maxShardBytes;
        this.wide = new ShardLayout(0, 0, files.pixels()).wide();
    }

    /** @throws BadInputException if the shard would not fit a block even without a single pixel */
    void begin(ShardRange examples) {
        range = examples;
        row = 0;
        maxNonZeros = 0;
        nonZeros = 0;
        fingerprint = 0;
        rowStarts.clear();
        columns.clear();
        values.clear();
        labels.clear();
        rowStarts.addInt(0);
        requireFit();
    }

    void beginRow(int itsLabel) {
        label = itsLabel;
        column = 0;
        rowNonZeros = 0;
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
        int added = 0;
        for (int i = 0; i < count; i++) {
            byte value = source[offset + i];
            if (value != 0) {
                if (wide) {
                    columns.addInt(column + i);
                } else {
                    columns.addChar((char) (column + i));
                }
                values.addByte(value);
                added++;
            }
        }
        column += count;
        rowNonZeros += added;
        nonZeros += added;
        requireFit();
    }

    void endRow() {
        labels.addByte((byte) label);
        rowStarts.addInt((int) nonZeros);
        maxNonZeros = Math.max(maxNonZeros, rowNonZeros);
        fingerprint += ShardFingerprint.ofExample(
                range.first() + row, label, files.rows(), files.columns(), crc32c.getValue(), crc32.getValue());
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
        columns.copyTo(target, (int) layout.columnsOffset());
        values.copyTo(target, (int) layout.valuesOffset());
        labels.copyTo(target, (int) layout.labelsOffset());
        return new Shard(block, layout, range.first(), maxNonZeros, fingerprint);
    }

    @Override
    public void close() {
        rowStarts.close();
        columns.close();
        values.close();
        labels.close();
    }

    private ShardLayout layout() {
        return new ShardLayout(range.count(), nonZeros, files.pixels());
    }

    private void requireFit() {
        long neededBytes = layout().lengthBytes();
        if (neededBytes > maxShardBytes) {
            throw new BadInputException(files.imagesUri() + ": shard of examples " + range.first() + " to "
                    + (range.end() - 1) + ": expected at most " + maxShardBytes + " bytes of off-heap memory, found "
                    + neededBytes + " or more; use more --shards");
        }
    }
}
