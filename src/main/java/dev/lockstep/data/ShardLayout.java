package dev.lockstep.data;

import dev.lockstep.memory.OffHeapBlock;

/**
 * Where a shard's parts stand in its one block, widest elements first so that all are aligned without padding.
 *
 * <pre>
 *   +--------------------------+-----------------------------+---------------------+------------------+
 *   | row starts               | columns                     | values              | labels           |
 *   | int32 [examples + 1]     | uint16 or int32 [nonZeros]  | uint8 [nonZeros]    | uint8 [examples] |
 *   +--------------------------+-----------------------------+---------------------+------------------+
 * </pre>
 *
 * <p>Columns take 16 bits as long as images have at most {@value #NARROW_PIXELS} pixels. On MNIST, where 19% of the
 * pixels are not zero, this comes to 0.58 bytes for each byte of the file.
 *
 * @param examples rows of the shard
 * @param nonZeros pixels of all of them that are not zero
 * @param pixels pixels of an image
 */
record ShardLayout(int examples, long nonZeros, int pixels) {
    /** The most pixels whose columns are numbered by 16 bits. */
    static final int NARROW_PIXELS = 1 << 16;
    /** The most bytes of one shard: what an {@link OffHeapBlock} can hold. */
    static final long MAX_BYTES = Integer.MAX_VALUE - 2L * OffHeapBlock.ALIGNMENT_BYTES;

    boolean wide() {
        return pixels > NARROW_PIXELS;
    }

    long columnsOffset() {
        return (examples + 1L) * Integer.BYTES;
    }

    long valuesOffset() {
        return columnsOffset() + nonZeros * (wide() ? Integer.BYTES : Character.BYTES);
    }

    long labelsOffset() {
        return valuesOffset() + nonZeros;
    }

    long lengthBytes() {
        return labelsOffset() + examples;
    }
}
