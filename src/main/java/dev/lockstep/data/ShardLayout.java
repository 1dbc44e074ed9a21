package dev.lockstep.data;

import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.OffHeapBlock;

/**
 * Where a shard's parts stand in its one block, widest elements first so that all are aligned without padding. A block of
 * a row is a group of {@link SparseBatch#COLUMNS} neighbouring pixels of which at least one is not zero.
 *
 * <pre>
 *   +--------------------------+-------------------------+---------------------+------------------+
 *   | row starts               | groups                  | values              | labels           |
 *   | int32 [examples + 1]     | uint8 or int32 [blocks] | uint8 [blocks, 4]   | uint8 [examples] |
 *   +--------------------------+-------------------------+---------------------+------------------+
 * </pre>
 *
 * <p>Groups take 8 bits as long as images have at most {@value #NARROW_GROUPS} of them. On MNIST, where 19% of the pixels
 * are not zero, this comes to 0.35 bytes for each byte of the file.
 *
 * @param examples rows of the shard
 * @param blocks blocks of all of them
 * @param pixels pixels of an image
 */
record ShardLayout(int examples, long blocks, int pixels) {
    /** The most groups of an image that are numbered by 8 bits. */
    static final int NARROW_GROUPS = 1 << 8;
    /** The most bytes of one shard: what an {@link OffHeapBlock} can hold. */
    static final long MAX_BYTES = Integer.MAX_VALUE - 2L * OffHeapBlock.ALIGNMENT_BYTES;

    boolean wide() {
        return SparseBatch.groups(pixels) > NARROW_GROUPS;
    }

    long groupsOffset() {
        return (examples + 1L) * Integer.BYTES;
    }

    long valuesOffset() {
        return groupsOffset() + blocks * (wide() ? Integer.BYTES : Byte.BYTES);
    }

    long labelsOffset() {
        return valuesOffset() + blocks * SparseBatch.COLUMNS;
    }

    long lengthBytes() {
        return labelsOffset() + examples;
    }
}
