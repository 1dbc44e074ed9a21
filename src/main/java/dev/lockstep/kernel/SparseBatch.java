package dev.lockstep.kernel;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.OffHeapBlock;
import java.nio.ByteBuffer;

/**
 * A part of a mini-batch as sparse rows X [rows, inputs] with labels, filled anew for every step. Of each row it holds the
 * groups of {@value #COLUMNS} neighbouring columns in which the row has an element that is not zero: pixels that are not
 * zero stand side by side, so one load and one store of a row of sums serve two or three of them. A group of a row has a
 * value for each of its columns; 0 means that the row has no element there.
 *
 * <p>Kernels read it group by group: {@link #entries} from {@link #begins} to {@link #ends}, by ascending rows. An entry is
 * eight bytes, its row and its four pixels, which {@link #PIXELS} makes floats of: all that two processors have to send each
 * other of a group of a row when one fills the batch and the other reads it. Rows of other numbers than pixels have their
 * values beside the entries. What is listed row by row is made when somebody asks for it.
 *
 * <p>Fill it by {@link #clear(int)}, then for each row {@link #addPixels}; or, for rows of floats, by writing the numbers of
 * the groups, ascending, and their values from {@link #blocks} on and calling {@link #endRow}. A batch has rows of one kind.
 * The lists lie on the heap: they are scratch of one thread, and loops over arrays keep the addresses of vectors in registers where JDK
 * 17's loops over buffers read them anew for each vector. The batch owns its memory; nothing is allocated after all that is
 * used of it has been used once. One thread at a time fills it; then any number of threads read its entries.
 */
public final class SparseBatch implements AutoCloseable {
    /** Columns of a group. */
    public static final int COLUMNS = 4;

    /** The value of each pixel: its byte over 255. Never written. */
    static final float[] PIXELS = new float[256];

    /** Where an entry has its row; below it are the pixels, the first column's lowest, or where the values begin. */
    static final int ROW_SHIFT = 32;

    static {
        for (int i = 0; i < PIXELS.length; i++) {
            PIXELS[i] = i / 255f;
        }
    }

    private final int inputs;
    private final int capacity; // blocks
    private final OffHeapBlock block;
    private final ByteArray labels;
    private final int[] rowEnd;
    private final int[] begins;
    private final int[] ends;
    private final long[] entries;
    private int[] groupOf = {}; // made when it is first asked for, as all that follow
    private float[] values = {};
    private float[] entryValues = {};
    private float[] scratch;
    private float[][] rowScratch;
    private float[][] weightScratch;
    private int room;
    private int rows;
    private int blocks;
    private boolean pixels;
    private boolean rowsListed;

    /**
     * @param inputs width of X
     * @param maxRows rows that it can hold
     * @param maxGroupsPerRow groups that each of them can have
     */
    public SparseBatch(int inputs, int maxRows, int maxGroupsPerRow) {
        this.inputs = inputs;
        this.capacity = Math.multiplyExact(maxRows, Math.min(maxGroupsPerRow, groups(inputs)));
        this.entries = new long[Math.multiplyExact(stride(maxRows), groups(inputs))];
        this.block = OffHeapBlock.allocate(maxRows, "labels of " + maxRows + " rows");
        this.labels = block.bytes();
        this.rowEnd = new int[maxRows];
        this.begins = new int[groups(inputs)];
        this.ends = new int[begins.length];
        clear();
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

    /** Empties the batch, for as many rows as it can hold. */
    public void clear() {
        clear(rowEnd.length);
    }

    /**
     * Empties the batch.
     *
     * @param newRows how many rows may come; the fewer they are, the closer the entries of a group stand to those of the next
     */
    public void clear(int newRows) {
        if (newRows < 0 || newRows > rowEnd.length) {
            throw new IllegalArgumentException("expected 0 to " + rowEnd.length + " rows, found " + newRows);
        }
        int stride = stride(newRows);
        for (int g = 0; g < begins.length; g++) {
            begins[g] = g * stride;
            ends[g] = g * stride;
        }
        room = newRows;
        rows = 0;
        blocks = 0;
        pixels = false;
        rowsListed = true;
    }

    /** From the entries of a group to those of the next; a power of two would put all groups into a few sets of the cache. */
    private static int stride(int rows) {
        return rows | 1;
    }

    /**
     * Adds a row of pixels.
     *
     * @param records little-endian; holds from {@code at} on the ascending numbers of {@code count} groups, then {@value #COLUMNS}
     *     pixels of each
     * @param numberBytes bytes of a number, 1 or 4
     */
    public void addPixels(ByteBuffer records, int at, int numberBytes, int count, int label) {
        requireRoom(count);
        if (rows > 0 && !pixels) {
            throw new IllegalStateException("expected a row of floats as before, found one of pixels");
        }
        boolean areBytes = numberBytes == 1;
        int from = at + count * numberBytes;
        long row = (long) rows << ROW_SHIFT;
        long[] to = entries;
        int[] next = ends;
        for (int i = 0; i < count; i++) {
            int g = areBytes ? records.get(at + i) & 0xff : records.getInt(at + i * Integer.BYTES);
            int e = next[g];
            next[g] = e + 1;
            to[e] = row | records.getInt(from + i * COLUMNS) & 0xffffffffL;
        }
        pixels = true;
        rowsListed = false;
        end(count, label);
    }

    /** Ends a row of floats whose {@code count} groups were written from {@link #blocks} on. */
    public void endRow(int count, int label) {
        requireRoom(count);
        if (pixels) {
            throw new IllegalStateException("expected a row of pixels as before, found one of floats");
        }
        long row = (long) rows << ROW_SHIFT;
        for (int b = blocks; b < blocks + count; b++) {
            entries[ends[groupOf[b]]++] = row | b * COLUMNS;
        }
        end(count, label);
    }

    private void requireRoom(int count) {
        if (rows == room || blocks + count > capacity) {
            throw new IndexOutOfBoundsException("expected at most " + room + " rows and " + capacity
                    + " groups of them, found one more of " + count + " groups after " + rows + " of " + blocks);
        }
    }

    private void end(int count, int label) {
        labels.set(rows, label);
        blocks += count;
        rowEnd[rows] = blocks;
        rows++;
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

    /** The number of each block's group, row by row: [blocks]. Asked for by one thread while no other uses the batch. */
    public int[] groupOf() {
        listRows();
        return groupOf;
    }

    /**
     * The values of each block, row by row: [blocks, {@value #COLUMNS}]. Those of columns beyond the width are 0. Asked for by one
     * thread while no other uses the batch; if the rows are floats, by any number of threads that read them.
     */
    public float[] values() {
        listRows();
        return values;
    }

    private void listRows() {
        if (groupOf.length < capacity) {
            groupOf = new int[capacity];
            values = new float[Math.multiplyExact(capacity, COLUMNS)];
        }
        if (rowsListed) {
            return;
        }
        // Groups come in ascending order, and so do each row's blocks. Until all are listed, rowEnd says where the
        // next one of a row goes: first where its blocks begin, at last where they end.
        for (int r = rows - 1; r >= 0; r--) {
            rowEnd[r] = rowBegin(r);
        }
        for (int g = 0; g < ends.length; g++) {
            for (int e = begins[g]; e < ends[g]; e++) {
                int b = rowEnd[rowOf(e)]++;
                groupOf[b] = g;
                putValues(e, values, b * COLUMNS);
            }
        }
        rowsListed = true;
    }

    private void putValues(int e, float[] to, int at) {
        int low = (int) entries[e];
        if (pixels) {
            to[at] = PIXELS[low & 0xff];
            to[at + 1] = PIXELS[low >>> 8 & 0xff];
            to[at + 2] = PIXELS[low >>> 16 & 0xff];
            to[at + 3] = PIXELS[low >>> 24];
        } else {
            System.arraycopy(values, low, to, at, COLUMNS);
        }
    }

    /** The class of each row: [rows]. */
    public ByteArray labels() {
        return labels;
    }

    /** Number of groups of a row. */
    int groups() {
        return begins.length;
    }

    /** Whether the rows are pixels; else {@link #floats}. */
    boolean arePixels() {
        return pixels;
    }

    /** The rows' values if they are floats: [blocks, {@value #COLUMNS}]. */
    float[] floats() {
        return values;
    }

    /** Where each group's {@link #entries} begin: [groups]. */
    public int[] begins() {
        return begins;
    }

    /** One past the last of each group's {@link #entries}: [groups]. */
    public int[] ends() {
        return ends;
    }

    /**
     * A long for each group of a row, group by group, ascending by rows within a group: above {@link #ROW_SHIFT} the row, below
     * it the group's pixels, or where its values begin in {@link #floats}.
     */
    long[] entries() {
        return entries;
    }

    /** The row of an entry. */
    public int rowOf(int e) {
        return (int) (entries[e] >>> ROW_SHIFT);
    }

    /** The value of an entry in column {@code i} of its group. */
    public float value(int e, int i) {
        int low = (int) entries[e];
        return pixels ? PIXELS[low >>> i * Byte.SIZE & 0xff] : values[low + i];
    }

    /** The values of all entries, [entries, {@value #COLUMNS}], after {@link #listValues}. */
    float[] entryValues() {
        return entryValues;
    }

    /** Lists {@link #entryValues}, for kernels that read floats. By one thread, before any reads them. */
    void listValues() {
        if (entryValues.length < entries.length * COLUMNS) {
            entryValues = new float[Math.multiplyExact(entries.length, COLUMNS)];
        }
        for (int g = 0; g < ends.length; g++) {
            for (int e = begins[g]; e < ends[g]; e++) {
                putValues(e, entryValues, e * COLUMNS);
            }
        }
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

    @Override
    public void close() {
        block.close();
    }
}
