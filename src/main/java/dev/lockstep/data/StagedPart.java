package dev.lockstep.data;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Optional;

/**
 * What one task staged of a set: a file of rows, and where in it some of them begin. It travels to the driver, and with {@link
 * StagedRows} from there to whoever reads rows. Not a record, since any serializer that Spark is set to must take it.
 */
public final class StagedPart implements Serializable {
    private static final long serialVersionUID = 1L;

    private final String uri;
    private final int rows;
    private final int inputs;
    private final int maxLabel;
    private final long[] marks;
    private final String fault;

    /**
     * @param uri of the file
     * @param rows that were written
     * @param inputs width of the rows; 0 without rows
     * @param maxLabel the highest class; -1 without rows
     * @param marks where rows 0, {@link StagedRowsWriter#MARK_ROWS}, twice that and so on begin, in bytes
     * @param fault what is wrong with the row that should have come next; null if none should
     */
    StagedPart(String uri, int rows, int inputs, int maxLabel, long[] marks, String fault) {
        this.uri = uri;
        this.rows = rows;
        this.inputs = inputs;
        this.maxLabel = maxLabel;
        this.marks = marks;
        this.fault = fault;
    }

    String uri() {
        return uri;
    }

    /** Rows in the file. */
    public int rows() {
        return rows;
    }

    /** Width of the rows; 0 without rows. */
    public int inputs() {
        return inputs;
    }

    /** The highest class; -1 without rows. */
    public int maxLabel() {
        return maxLabel;
    }

    /** What is wrong with the row behind the last one, if there is such a row. */
    public Optional<String> fault() {
        return Optional.ofNullable(fault);
    }

    /** Where the last marked row at or before {@code row} begins. */
    long markBefore(int row) {
        return marks[row / StagedRowsWriter.MARK_ROWS];
    }

    @Override
    public String toString() {
        return uri + ": " + rows + " rows of " + inputs + ", marks " + Arrays.toString(marks);
    }
}
