package dev.lockstep.kernel;

import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;

/**
 * {@value #ROWS} rows of a matrix turned, on the heap: turned[column, row]. Vectors along the rows then compute each row as a
 * loop over it would, in that order.
 */
final class TurnedRows {
    /** Rows that are turned at a time, at most; a column takes as many floats. */
    static final int ROWS = Kernels.LANES;

    private TurnedRows() {}

    /**
     * turned[j, i] = from[first + i, j] for i below count, j below width. Of other rows the column keeps what it had.
     *
     * @param scratch [at least width]
     * @param turned [width, stride]
     * @param stride at least count; {@value #ROWS} of rows that {@link #put} puts back
     */
    static void take(FloatMatrix from, int first, int count, int width, float[] scratch, float[] turned, int stride) {
        FloatBuffer elements = from.data().buffer();
        for (int i = 0; i < count; i++) {
            elements.get((first + i) * from.stride(), scratch, 0, width);
            for (int j = 0; j < width; j++) {
                turned[j * stride + i] = scratch[j];
            }
        }
    }

    /** to[first + i, j] = turned[j, i] for i below count, j below width. */
    static void put(float[] turned, FloatMatrix to, int first, int count, int width) {
        FloatBuffer elements = to.data().buffer();
        for (int i = 0; i < count; i++) {
            int row = (first + i) * to.stride();
            for (int j = 0; j < width; j++) {
                elements.put(row + j, turned[j * ROWS + i]);
            }
        }
    }
}
