package dev.lockstep.data;

import dev.lockstep.kernel.SparseBatch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes rows into a file from which {@link StagedRows} makes shards. A row is the record below, little-endian, of the groups
 * of {@value SparseBatch#COLUMNS} neighbouring inputs in which not all are zero; inputs are rounded to float32.
 *
 * <pre>
 *   +---------+---------+------------------+---------------------+
 *   | label   | count   | groups           | values              |
 *   | int32   | int32   | int32 [count]    | float32 [count, 4]  |
 *   +---------+---------+------------------+---------------------+
 * </pre>
 *
 * The file's own filesystem guards its bytes by checksums, as it does for all files. One thread.
 */
public final class StagedRowsWriter implements AutoCloseable {
    /** Every so many rows their place in the file is noted, so that who reads a range need not read all before it. */
    static final int MARK_ROWS = 1024;

    static final int HEAD_BYTES = 2 * Integer.BYTES;
    private static final int GROUP_BYTES = Integer.BYTES + SparseBatch.COLUMNS * Float.BYTES;

    private static final Logger LOG = LoggerFactory.getLogger(StagedRowsWriter.class);

    private final String uri;
    private final FileSystem fs;
    private final Path path;
    private final FSDataOutputStream out;
    private int[] groups = new int[64];
    private float[] values = new float[64 * SparseBatch.COLUMNS];
    private ByteBuffer bytes = allocate(64);
    private int count;
    private long[] marks = new long[1];
    private int rows;
    private int inputs;
    private int maxLabel = -1;
    private boolean isFinished;

    /**
     * Creates the file, which must not be there, in a directory that must be.
     *
     * @throws UncheckedIOException if the filesystem fails
     */
    public StagedRowsWriter(Configuration conf, String uri) {
        this.uri = uri;
        try {
            this.path = new Path(uri);
            this.fs = path.getFileSystem(conf);
            // Not its directory: a task that outlives the fit would make that again when it is gone.
            this.out = fs.createFile(path).overwrite(false).build();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private static ByteBuffer allocate(int groupCount) {
        return ByteBuffer.allocate(Math.addExact(HEAD_BYTES, Math.multiplyExact(groupCount, GROUP_BYTES)))
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Adds a row.
     *
     * @param label its class, from 0
     * @param row its inputs, finite as float32
     * @throws UncheckedIOException if the filesystem fails
     */
    public void add(int label, double[] row) {
        count = 0;
        for (int column = 0; column < row.length; column++) {
            input(column, row[column]);
        }
        write(label, row.length);
    }

    /**
     * Adds a row of which only some inputs are not zero.
     *
     * @param label its class, from 0
     * @param width of the row
     * @param columns numbers of the inputs that may be other than zero, ascending
     * @param row these inputs, finite as float32
     * @throws UncheckedIOException if the filesystem fails
     */
    public void add(int label, int width, int[] columns, double[] row) {
        count = 0;
        for (int i = 0; i < columns.length; i++) {
            input(columns[i], row[i]);
        }
        write(label, width);
    }

    private void input(int column, double value) {
        float rounded = (float) value;
        if (rounded == 0f) { // -0.0 is no element either
            return;
        }
        int group = column / SparseBatch.COLUMNS;
        if (count == 0 || groups[count - 1] != group) {
            if (count == groups.length) {
                groups = Arrays.copyOf(groups, Math.multiplyExact(count, 2));
                values = Arrays.copyOf(values, Math.multiplyExact(values.length, 2));
            }
            groups[count] = group;
            Arrays.fill(values, count * SparseBatch.COLUMNS, (count + 1) * SparseBatch.COLUMNS, 0f);
            count++;
        }
        values[(count - 1) * SparseBatch.COLUMNS + column % SparseBatch.COLUMNS] = rounded;
    }

    private void write(int label, int width) {
        if (count * GROUP_BYTES + HEAD_BYTES > bytes.capacity()) {
            bytes = allocate(groups.length);
        }
        bytes.clear().putInt(label).putInt(count);
        for (int i = 0; i < count; i++) {
            bytes.putInt(groups[i]);
        }
        for (int i = 0; i < count * SparseBatch.COLUMNS; i++) {
            bytes.putFloat(values[i]);
        }
        try {
            if (rows % MARK_ROWS == 0) {
                int mark = rows / MARK_ROWS;
                marks = mark < marks.length ? marks : Arrays.copyOf(marks, 2 * mark);
                marks[mark] = out.getPos();
            }
            out.write(bytes.array(), 0, bytes.position());
        } catch (IOException e) {
            throw failed(e);
        }
        rows = Math.incrementExact(rows);
        inputs = width;
        maxLabel = Math.max(maxLabel, label);
    }

    /** Rows so far. */
    public int rows() {
        return rows;
    }

    /** Width of the last row; 0 without rows. */
    public int inputs() {
        return inputs;
    }

    /**
     * Closes the file.
     *
     * @param fault what is wrong with the row that should come next; null if there is no more
     * @return what was written
     * @throws UncheckedIOException if the filesystem fails
     */
    public StagedPart finish(String fault) {
        closeFile();
        isFinished = true;
        int used = (int) ((rows + MARK_ROWS - 1L) / MARK_ROWS);
        return new StagedPart(uri, rows, inputs, maxLabel, Arrays.copyOf(marks, used), fault);
    }

    /** Removes the file if it was not finished; more than once does no harm. */
    @Override
    public void close() {
        if (isFinished) {
            return;
        }
        try {
            closeFile();
        } finally {
            remove();
        }
    }

    private void closeFile() {
        try {
            out.close();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private void remove() {
        try {
            fs.delete(path, false);
        } catch (IOException e) {
            LOG.warn("{}: cannot be removed: {}", uri, e.getMessage()); // it goes with its directory
        }
    }

    private UncheckedIOException failed(IOException e) {
        return new UncheckedIOException(uri + ": cannot be written: " + e.getMessage(), e);
    }
}
