package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.OffHeapBlock;
import java.util.Arrays;

/**
 * A part of a mini-batch as sparse rows X [rows, inputs] with labels, filled anew for every step. Of each row it holds the
 * groups of {@value #COLUMNS} neighbouring columns in which the row has an element that is not zero: pixels that are not
 * zero stand side by side, so one load and one store of a row of sums serve two or three of them. A group of a row has a
 * value for each of its columns; 0 means that the row has no element there.
 *
 * <p>Fill it by {@link #clear}, then for each row: write the numbers of its groups, ascending, and their values from {@link
 * #blocks} on and call {@link #endRow}; {@link #index} lists what is there group by group, for the kernels of the first
 * layer. The lists lie on the heap: they are scratch of one thread, and loops over arrays keep the addresses of vectors in
 * registers where JDK 17's loops over buffers read them anew for each vector. The batch owns its memory; nothing is
 * allocated after it is made. One thread at a time.
 */
public final class SparseBatch implements AutoCloseable {
    /** Columns of a group. */
    public static final int COLUMNS = 4;

    private final int inputs;
    private final OffHeapBlock block;
    private final ByteArray labels;
    private final int[] rowEnd;
    private final int[] groupOf;
    private final float[] values;
    private final int[] start;
    private final int[] entryRows;
    private final float[] entryValues;
    private float[] scratch; // made when it is first asked for, as the next two
    private float[][] rowScratch;
    private float[][] weightScratch;
    private int rows;
    private int blocks;
    private boolean indexed;

    /**
     * @param inputs width of X
     * @param maxRows rows that it can hold
     * @param maxGroupsPerRow groups that each of them can have
     */
    public SparseBatch(int inputs, int maxRows, int maxGroupsPerRow) {
        int capacity = Math.multiplyExact(maxRows, Math.min(maxGroupsPerRow, groups(inputs)));
        this.inputs = inputs;
        this.block = OffHeapBlock.allocate(maxRows, "labels of " + maxRows + " rows");
        this.labels = block.bytes();
        this.rowEnd = new int[maxRows];
        this.groupOf = new int[capacity];
        this.values = new float[Math.multiplyExact(capacity, COLUMNS)];
        this.start = new int[groups(inputs) + 2];
        this.entryRows = new int[capacity];
        this.entryValues = new float[values.length];
    }

    /** Groups of a row of so many columns; the last one may have fewer columns than the others. */
    public static int groups(int inputs) {
        return (inputs + COLUMNS - 1) / COLUMNS;
    }

    /** Where range {@code i} of {@code ranges} begins, which hold as many whole groups each; for i = ranges, where the last ends. */
    public static int firstColumn(int inputs, int i, int ranges) {
        return Math.min(inputs, firstGroup(inputs, i, ranges) * COLUMNS);
    }

    /** The first group of range {@code i} of {@code ranges}. */
    public static int firstGroup(int inputs, int i, int ranges) {
        return (int) ((long) groups(inputs) * i / ranges);
    }

    /** Empties the batch. */
    public void clear() {
        rows = 0;
        blocks = 0;
        indexed = false;
    }

    /** Ends a row whose {@code count} groups were written from {@link #blocks} on. */
    public void endRow(int count, int label) {
        labels.set(rows, label);
        blocks += count;
        rowEnd[rows] = blocks;
        rows++;
        indexed = false;
    }

    /** Width of X. */
    public int inputs() {
        return inputs;
    }

    /** Rows that it can hold. */
    public int maxRows() {
        return rowEnd.length;
    }

    /** Rows in it now. */
    public int rows() {
        return rows;
    }

    /** Groups of all rows in it now: where the next row's begin. */
    public int blocks() {
        return blocks;
    }

    /** One past the last block of row r: [rows]. */
    int rowEnd(int r) {
        return rowEnd[r];
    }

    /** The first block of row r. */
    int rowBegin(int r) {
        return r == 0 ? 0 : rowEnd[r - 1];
    }

    /** The first block of row r, and for r = rows one past the last of all. */
    public int blockOfRow(int r) {
        return rowBegin(r);
    }

    /** The number of each block's group, row by row: [blocks]. */
    public int[] groupOf() {
        return groupOf;
    }

    /** The values of each block, row by row: [blocks, {@value #COLUMNS}]. Those of columns beyond the width are 0. */
    public float[] values() {
        return values;
    }

    /** The class of each row: [rows]. */
    public ByteArray labels() {
        return labels;
    }

    /** Number of groups of a row. */
    int groups() {
        return start.length - 2;
    }

    /** After {@link #index}: where group g begins in {@link #entryRows} and {@link #entryValues}: [groups + 1]. */
    public int[] start() {
        return start;
    }

    /** After {@link #index}: the row of each block, group by group, ascending within a group: [blocks]. */
    public int[] entryRows() {
        return entryRows;
    }

    /**
     * After {@link #index}: the values of each block, group by group: [blocks, {@value #COLUMNS}]. A copy of {@link #values} in the
     * order in which kernels read them, which the processor foresees, also if another core has written them.
     */
    public float[] entryValues() {
        return entryValues;
    }

    /** Scratch for a kernel: {@value GradientRows#BLOCK} floats for each row, from {@link AlignedFloats#FIRST} on. */
    float[] scratch() {
        if (scratch == null) {
            scratch = AlignedFloats.make(Math.multiplyExact(rowEnd.length, GradientRows.BLOCK));
        }
        return scratch;
    }

    /** Scratch for a kernel: {@value GradientRows#BLOCK} floats for each row, an array each. */
    float[][] rowScratch() {
        if (rowScratch == null) {
            rowScratch = new float[rowEnd.length][GradientRows.BLOCK];
        }
        return rowScratch;
    }

    /** Scratch for a kernel: the weights of each group, [{@value #COLUMNS}, {@value GradientRows#BLOCK}]. */
    float[][] weightScratch() {
        if (weightScratch == null) {
            weightScratch = new float[groups()][COLUMNS * GradientRows.BLOCK];
        }
        return weightScratch;
    }

    /** Lists the blocks group by group (a counting sort), if that has not been done since the batch changed. */
    public void index() {
        if (indexed) {
            return;
        }
        if (blocks == rows * groups()) {
            indexComplete();
        } else {
            indexSparse();
        }
        indexed = true;
    }

    /** Every row has every group, as rows without zeros do: nothing to count, and the lists are written in their order. */
    private void indexComplete() {
        int groups = groups();
        int to = 0;
        for (int g = 0; g < groups; g++) {
            start[g] = to;
            for (int r = 0; r < rows; r++, to++) {
                put(r, r * groups + g, to);
            }
        }
        start[groups] = to;
    }

    private void put(int row, int block, int entry) {
        entryRows[entry] = row;
        int from = block * COLUMNS;
        int to = entry * COLUMNS;
        entryValues[to] = values[from];
        entryValues[to + 1] = values[from + 1];
        entryValues[to + 2] = values[from + 2];
        entryValues[to + 3] = values[from + 3];
    }

    private void indexSparse() {
        Arrays.fill(start, 0);
        // start[g + 2] counts group g; a running sum leaves in start[g + 1] the place of its next entry, which filling
        // moves on to the place where group g ends.
        for (int b = 0; b < blocks; b++) {
            start[groupOf[b] + 2]++;
        }
        for (int g = 2; g < start.length; g++) {
            start[g] += start[g - 1];
        }
        int b = 0;
        for (int r = 0; r < rows; r++) {
            for (int end = rowEnd[r]; b < end; b++) {
                int slot = groupOf[b] + 1;
                put(r, b, start[slot]++);
            }
        }
    }

    @Override
    public void close() {
        block.close();
    }
}
