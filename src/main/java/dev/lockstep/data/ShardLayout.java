package dev.lockstep.data;

import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.OffHeapBlock;

/**
 * Where a shard's parts stand in its one block, widest elements first so that all are aligned without padding. A block of
 * a row is a group of {@link SparseBatch#COLUMNS} neighbouring pixels of which at least one is not zero.
 *
 * <pre>
 *   pixels
 *   +--------------------------+-------------------------+---------------------+------------------+
 *   | row starts               | groups                  | values              | labels           |
 *   | int32 [examples + 1]     | uint8 or int32 [blocks] | uint8 [blocks, 4]   | uint8 [examples] |
 *   +--------------------------+-------------------------+---------------------+------------------+
 *
 *   numbers
 *   +--------------------------+---------------------+-------------------------+------------------+
 *   | row starts               | values              | groups                  | labels           |
 *   | int32 [examples + 1]     | float32 [blocks, 4] | uint8 or int32 [blocks] | uint8 [examples] |
 *   +--------------------------+---------------------+-------------------------+------------------+
 * </pre>
 *
 * <p>Groups take 8 bits as long as images have at most {@value #NARROW_GROUPS} of them. On MNIST, where 19% of the pixels
 * are not zero, this comes to 0.35 bytes for each byte of the file, and to 1.2 where they are kept as numbers.
 *
 * @param examples rows of the shard
 * @param blocks blocks of all of them
 * @param inputs width of a row
 * @param isFloats whether values are numbers, not pixels
 */
record ShardLayout(int examples, long blocks, int inputs, boolean isFloats) {
    /** The most groups of an image that are numbered by 8 bits. */
    static final int NARROW_GROUPS = 1 << 8;
    /** The most bytes of one shard: what an {@link OffHeapBlock} can hold. */
    static final long MAX_BYTES = Integer.MAX_VALUE - 2L * OffHeapBlock.ALIGNMENT_BYTES;

    boolean wide() {
        return SparseBatch.groups(inputs) > NARROW_GROUPS;
    }

    private long startsBytes() {
        return (examples + 1L) * Integer.BYTES;
    }

    private long groupsBytes() {
        return blocks * (wide() ? Integer.BYTES : Byte.BYTES);
    }

    private long valuesBytes() {
        return blocks * SparseBatch.COLUMNS * (isFloats ? Float.BYTES : Byte.BYTES);
    }

    long groupsOffset() {
        return startsBytes() + (isFloats ? valuesBytes() : 0);
    }

    long valuesOffset() {
        return startsBytes() + (isFloats ? 0 : groupsBytes());
    }

    long labelsOffset() {
        return startsBytes() + groupsBytes() + valuesBytes();
    }

    long lengthBytes() {
        return labelsOffset() + examples;
    }
}
