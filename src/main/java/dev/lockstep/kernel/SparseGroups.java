package dev.lockstep.kernel;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;

/**
 * The elements of a {@link SparseBatch} in groups of {@value #COLUMNS} neighbouring columns, which is how the kernels of
 * the first layer read them: pixels that are not zero stand side by side, so one load and one store of a row of sums
 * serve two or three elements. An entry is what one row has in one group: a value for each of the group's columns, 0
 * where the row has no element there. Entries are listed group by group, ascending by row within a group.
 *
 * <p>The lists lie on the heap: they are scratch of one thread, and loops over arrays keep the addresses of vectors in
 * registers where loops over buffers read them anew for each vector. Filled anew for every batch; allocates nothing.
 */
final class SparseGroups {
    /** Columns of a group. */
    static final int COLUMNS = 4;

    private static final int COLUMN_BITS = 2;
    /** The most entries that room is made for, 7 MB: thousands of rows go no faster by groups than without. */
    private static final int MAX_ENTRIES = 1 << 18;

    private final boolean unlimited;
    private final int[] start;
    private final int[] groupOfBlock;
    private final int[] rowEnd;
    private final int[] rows;
    private final int[] blocks;
    private final float[] values;
    /** Blocks of {@link #values} that are not all zeros, since the last filling. */
    private int blocksFilled;

    /**
     * @param inputs width of the batch
     * @param maxRows rows that it can hold
     * @param maxNonZerosPerRow non-zero elements that each of them can have
     */
    SparseGroups(int inputs, int maxRows, int maxNonZerosPerRow) {
        int groups = (inputs + COLUMNS - 1) / COLUMNS;
        long most = (long) maxRows * Math.min(groups, maxNonZerosPerRow);
        int entries = (int) Math.min(most, MAX_ENTRIES);
        this.unlimited = entries == most;
        this.start = new int[groups + 2];
        this.groupOfBlock = new int[entries + 1];
        this.rowEnd = new int[maxRows];
        this.rows = new int[entries];
        this.blocks = new int[entries];
        this.values = new float[(entries + 1) * COLUMNS];
    }

    /** Number of groups. */
    int groups() {
        return start.length - 2;
    }

    /** Where group g begins in {@link #rows} and {@link #blocks}: [groups + 1]. */
    int[] start() {
        return start;
    }

    /** The row of each entry. */
    int[] rows() {
        return rows;
    }

    /** Where each entry's values begin in {@link #values}. */
    int[] blocks() {
        return blocks;
    }

    /** {@link #COLUMNS} values for each entry. */
    float[] values() {
        return values;
    }

    /** Whether there is room for the groups of so many elements, however they lie. */
    boolean fits(int nonZeros) {
        return unlimited || nonZeros <= rows.length;
    }

    /**
     * Lists the elements of a batch that {@linkplain #fits fits}.
     *
     * @param rowStart where each row begins [rowCount + 1]
     * @param columns of the elements, ascending in each row
     * @param elements their values
     */
    void fill(IntBuffer rowStart, IntBuffer columns, FloatBuffer elements, int rowCount) {
        Arrays.fill(values, 0, blocksFilled * COLUMNS, 0f);
        int block = 0;
        for (int r = 0; r < rowCount; r++) {
            block = fillRow(columns, elements, rowStart.get(r), rowStart.get(r + 1), block, groupOfBlock, values);
            rowEnd[r] = block;
        }
        blocksFilled = block;
        sort(rowCount, block);
    }

    /**
     * Writes the blocks of a row, ascending by group. There is no branch on whether an element begins a new block, which
     * would be mispredicted for every third one.
     */
    private static int fillRow(
            IntBuffer columns, FloatBuffer elements, int from, int to, int firstBlock, int[] groupOf, float[] values) {
        int block = firstBlock - 1;
        int last = -1;
        for (int j = from; j < to; j++) {
            int column = columns.get(j);
            int group = column >>> COLUMN_BITS;
            block += last - group >>> 31;
            last = group;
            groupOf[block] = group;
            values[(block << COLUMN_BITS) + (column & COLUMNS - 1)] = elements.get(j);
        }
        return block + 1;
    }

    /** A counting sort of the blocks by group. */
    private void sort(int rowCount, int blockCount) {
        Arrays.fill(start, 0);
        // start[g + 2] counts group g; a running sum leaves in start[g + 1] the place of its next entry, which filling
        // moves on to the place where group g ends.
        for (int b = 0; b < blockCount; b++) {
            start[groupOfBlock[b] + 2]++;
        }
        for (int g = 2; g < start.length; g++) {
            start[g] += start[g - 1];
        }
        int b = 0;
        for (int r = 0; r < rowCount; r++) {
            for (int end = rowEnd[r]; b < end; b++) {
                int slot = groupOfBlock[b] + 1;
                int to = start[slot]++;
                rows[to] = r;
                blocks[to] = b << COLUMN_BITS;
            }
        }
    }
}
