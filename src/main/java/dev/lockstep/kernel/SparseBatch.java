package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.IntArray;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * A part of a mini-batch as sparse rows X [rows, inputs] with labels, off-heap, filled anew for every step. Fill it by
 * {@link #clear}, then for each row: write its columns and values at {@link #nonZeros} and call {@link #endRow}. One
 * thread at a time. The batch owns its memory.
 */
public final class SparseBatch implements AutoCloseable {
    /** Columns along the hidden units that kernels compute at a time, at most: four vectors. */
    static final int SCRATCH_FLOATS = 4 * Kernels.LANES;
    /** The most rows that get scratch. */
    private static final int SCRATCH_ROWS = 4096;

    private final OffHeapBlock block;
    private final int inputs;
    private final IntArray rowStart;
    private final IntArray columns;
    private final FloatArray values;
    private final ByteArray labels;
    private final IntArray columnStart;
    private final IntArray entryRows;
    private final FloatArray entryValues;
    private final SparseGroups groups;
    private final float[] rowScratch;
    private final float[] groupScratch = new float[SparseGroups.COLUMNS * SCRATCH_FLOATS];
    private int rows;
    private int nonZeros;
    private boolean grouped;

    /**
     * @param inputs width of X
     * @param maxRows rows that it can hold
     * @param maxNonZerosPerRow non-zero elements that each of them can have
     */
    public SparseBatch(int inputs, int maxRows, int maxNonZerosPerRow) {
        long capacity = (long) maxRows * maxNonZerosPerRow;
        long words = (maxRows + 1L) + (inputs + 2L) + 4 * capacity;
        this.inputs = inputs;
        this.block = OffHeapBlock.allocate(words * Integer.BYTES + maxRows, "mini-batch of " + maxRows + " rows");
        int n = (int) capacity;
        int offset = 0;
        this.rowStart = block.ints(offset, maxRows + 1);
        offset += (maxRows + 1) * Integer.BYTES;
        this.columnStart = block.ints(offset, inputs + 2);
        offset += (inputs + 2) * Integer.BYTES;
        this.columns = block.ints(offset, n);
        this.values = block.floats(offset + n * Integer.BYTES, n);
        this.entryRows = block.ints(offset + 2 * n * Integer.BYTES, n);
        this.entryValues = block.floats(offset + 3 * n * Integer.BYTES, n);
        this.labels = block.bytes(offset + 4 * n * Integer.BYTES, maxRows);
        this.groups = new SparseGroups(inputs, maxRows, maxNonZerosPerRow);
        this.rowScratch = new float[Math.min(maxRows, SCRATCH_ROWS) * SCRATCH_FLOATS];
    }

    /** Empties the batch. */
    public void clear() {
        rows = 0;
        nonZeros = 0;
        grouped = false;
    }

    /** Ends a row whose {@code count} columns (ascending) and values were written at {@link #nonZeros}. */
    public void endRow(int count, int label) {
        labels.set(rows, label);
        nonZeros += count;
        rows++;
        rowStart.set(rows, nonZeros);
        grouped = false;
    }

    /** Width of X. */
    public int inputs() {
        return inputs;
    }

    /** Rows that it can hold. */
    public int maxRows() {
        return labels.length();
    }

    /** Rows in it now. */
    public int rows() {
        return rows;
    }

    /** Non-zero elements in it now: where the next row's elements go. */
    public int nonZeros() {
        return nonZeros;
    }

    /** Where row r begins in {@link #columns} and {@link #values}: [rows + 1]. */
    public IntArray rowStart() {
        return rowStart;
    }

    /** The column of each non-zero element, row by row: [nonZeros]. */
    public IntArray columns() {
        return columns;
    }

    /** The value of each non-zero element, row by row: [nonZeros]. */
    public FloatArray values() {
        return values;
    }

    /** The class of each row: [rows]. */
    public ByteArray labels() {
        return labels;
    }

    /** After {@link #indexColumns}: where column c begins in {@link #entryRows} and {@link #entryValues}: [inputs + 1]. */
    public IntArray columnStart() {
        return columnStart;
    }

    /** After {@link #indexColumns}: the row of each element, column by column, ascending within a column: [nonZeros]. */
    public IntArray entryRows() {
        return entryRows;
    }

    /** After {@link #indexColumns}: the value of each element, column by column: [nonZeros]. */
    public FloatArray entryValues() {
        return entryValues;
    }

    /** Lists the elements by column as well (a counting sort). */
    public void indexColumns() {
        IntBuffer start = columnStart.buffer();
        IntBuffer rowBegin = rowStart.buffer();
        IntBuffer column = columns.buffer();
        FloatBuffer value = values.buffer();
        IntBuffer rowOf = entryRows.buffer();
        FloatBuffer valueOf = entryValues.buffer();
        for (int c = 0; c < inputs + 2; c++) {
            start.put(c, 0);
        }
        // start[c + 2] counts column c; a running sum leaves in start[c + 1] the place of its next element, which
        // filling moves on to the place where column c ends.
        for (int j = 0; j < nonZeros; j++) {
            int slot = column.get(j) + 2;
            start.put(slot, start.get(slot) + 1);
        }
        for (int c = 2; c < inputs + 2; c++) {
            start.put(c, start.get(c) + start.get(c - 1));
        }
        for (int r = 0; r < rows; r++) {
            int end = rowBegin.get(r + 1);
            for (int j = rowBegin.get(r); j < end; j++) {
                int slot = column.get(j) + 1;
                int to = start.get(slot);
                start.put(slot, to + 1);
                rowOf.put(to, r);
                valueOf.put(to, value.get(j));
            }
        }
    }

    /** Whether the batch is small enough for {@link #groups} and {@link #rowScratch}. */
    boolean hasGroups() {
        return rows * SCRATCH_FLOATS <= rowScratch.length && groups.fits(nonZeros);
    }

    /** Lists now what kernels would list when they need it. */
    public void index() {
        if (hasGroups()) {
            groups();
        }
    }

    /** The elements in groups of neighbouring columns; listed at the first call since the batch changed. */
    SparseGroups groups() {
        if (!grouped) {
            groups.fill(rowStart.buffer(), columns.buffer(), values.buffer(), rows);
            grouped = true;
        }
        return groups;
    }

    /** Scratch for a kernel: {@value #SCRATCH_FLOATS} floats for each row, on the heap like {@link #groups}. */
    float[] rowScratch() {
        return rowScratch;
    }

    /** Scratch for a kernel: room for the weights of a group, [{@value SparseGroups#COLUMNS}, {@value #SCRATCH_FLOATS}]. */
    float[] groupScratch() {
        return groupScratch;
    }

    @Override
    public void close() {
        block.close();
    }
}
