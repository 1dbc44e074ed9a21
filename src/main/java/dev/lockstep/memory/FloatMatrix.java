package dev.lockstep.memory;

/**
 * A row-major matrix of floats over a {@link FloatArray}: element (row, column) stands at {@code row * stride + column}.
 *
 * @param data the elements [rows, stride]; the matrix is a view and owns nothing
 * @param rows number of rows
 * @param stride floats from one row to the next; columns beyond the logical width are padding and hold zeros
 */
public record FloatMatrix(FloatArray data, int rows, int stride) {
    /** Checks that the array is exactly rows x stride long. */
    public FloatMatrix {
        if (rows < 0 || stride < 0 || (long) rows * stride != data.length()) {
            throw new IllegalArgumentException(
                    "matrix [" + rows + ", " + stride + "] does not fit an array of " + data.length() + " floats");
        }
    }

    /** The element at (row, column). */
    public float get(int row, int column) {
        return data.get(row * stride + column);
    }

    /** Sets the element at (row, column). */
    public void set(int row, int column, float value) {
        data.set(row * stride + column, value);
    }

    /** The first {@code count} rows, sharing the memory. */
    public FloatMatrix firstRows(int count) {
        return count == rows ? this : new FloatMatrix(data.slice(0, count * stride), count, stride);
    }
}
