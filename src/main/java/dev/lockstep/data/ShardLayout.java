package dev.lockstep.data;

import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.OffHeapBlock;

/**
 * Where a shard's parts stand in its one block. Each row is one record, so that the processor fetches as few cache lines and
 * pages for it as can be: the numbers of its groups, which are {@link SparseBatch#COLUMNS} neighbouring inputs of which at least
 * one is not zero, and then their values.
 *
 * <pre>
 *   +----------------------+---------------------------------------------+------------------+
 *   | row starts           | records                                     | labels           |
 *   | int32 [examples + 1] | of each row, n groups: numbers [n]          | uint8 [examples] |
 *   | in groups            |                        values  [n, 4]       |                  |
 *   +----------------------+---------------------------------------------+------------------+
 * </pre>
 *
 * <p>Of images, values are uint8 pixels, and numbers are uint8 as long as there are at most {@value #NARROW_GROUPS} groups, else
 * int32. Other rows have float32 values and int32 numbers. All are aligned without padding. On MNIST, where 19% of the
 * pixels are not zero, this comes to 0.35 bytes for each byte of the file, and to 1.4 where they are kept as numbers.
 *
 * @param examples rows of the shard
 * @param blocks groups of all of them
 * @param inputs width of a row
 * @param isFloats whether values are numbers, not pixels
 */
record ShardLayout(int examples, long blocks, int inputs, boolean isFloats) {
    /** The most groups of an image that are numbered by 8 bits. */
    static final int NARROW_GROUPS = 1 << 8;
    /** The most bytes of one shard: what an {@link OffHeapBlock} can hold. */
    static final long MAX_BYTES = Integer.MAX_VALUE - 2L * OffHeapBlock.ALIGNMENT_BYTES;

    /** Whether a group's number takes 4 bytes, not 1. */
    boolean wide() {
        return isFloats || SparseBatch.groups(inputs) > NARROW_GROUPS;
    }

    /** Bytes of a group's number. */
    int numberBytes() {
        return wide() ? Integer.BYTES : Byte.BYTES;
    }

    /** Bytes of a group's values. */
    int valuesBytes() {
        return SparseBatch.COLUMNS * (isFloats ? Float.BYTES : Byte.BYTES);
    }

    long recordsOffset() {
        return (examples + 1L) * Integer.BYTES;
    }

    long recordsBytes() {
        return blocks * (numberBytes() + valuesBytes());
    }

    long labelsOffset() {
        return recordsOffset() + recordsBytes();
    }

    long lengthBytes() {
        return labelsOffset() + examples;
    }
}
