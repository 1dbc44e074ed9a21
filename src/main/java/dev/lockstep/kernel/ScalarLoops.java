package dev.lockstep.kernel;

/**
 * The innermost loops of {@link ScalarKernels}, over arrays on the heap, of which C2 makes vectors. What it needs for that on JDK 17 and
 * 25 is written down nowhere and was found by trying, under the G1 collector (with another one loops are compiled differently):
 *
 * <ul>
 *   <li>a method for each loop, and few operations in it: a loop of much more than these is not even unrolled;
 *   <li>an end that is known to be small ({@code Math.min} with a constant says so): a loop that may be long gets a safepoint and
 *       what goes with it, and is too large for being unrolled then;
 *   <li>arrays whose places are known but for the loop's number: of {@code x[o + i]} with an o that is not known it makes none, so
 *       each group of weights and each row of delta is an array of its own;
 *   <li>where rows are added to four rows of one array, those four read first, then row by row what is added, and all of it before
 *       anything is written; up to four rows;
 *   <li>a profile of how long the loop is: compiled too early, some are not unrolled in every second run, so conf/spark-defaults.conf
 *       exempts this class from that.
 * </ul>
 */
final class ScalarLoops {
    /** Elements of a row, at most. */
    static final int WIDTH = GradientRows.BLOCK;
    /** Rows that are added at a time. */
    static final int ROWS_AT_ONCE = 4;

    private ScalarLoops() {}

    /**
     * sums[i] += v[b] x[0, i] + v[b + 1] x[1, i] + v[b + 2] x[2, i] + v[b + 3] x[3, i], in this order, for i below {@code count}.
     */
    static void addColumns(float[] x, float[] v, int b, int count, float[] sums) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            float s = sums[i];
            s = Math.fma(x0, x[i], s);
            s = Math.fma(x1, x[i + WIDTH], s);
            s = Math.fma(x2, x[i + 2 * WIDTH], s);
            s = Math.fma(x3, x[i + 3 * WIDTH], s);
            sums[i] = s;
        }
    }

    /** The same and then of the four rows of y, by the next four values. */
    static void addColumns(float[] x, float[] y, float[] v, int b, int count, float[] sums) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        float y0 = v[b + 4];
        float y1 = v[b + 5];
        float y2 = v[b + 6];
        float y3 = v[b + 7];
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            float s = sums[i];
            s = Math.fma(x0, x[i], s);
            s = Math.fma(x1, x[i + WIDTH], s);
            s = Math.fma(x2, x[i + 2 * WIDTH], s);
            s = Math.fma(x3, x[i + 3 * WIDTH], s);
            s = Math.fma(y0, y[i], s);
            s = Math.fma(y1, y[i + WIDTH], s);
            s = Math.fma(y2, y[i + 2 * WIDTH], s);
            s = Math.fma(y3, y[i + 3 * WIDTH], s);
            sums[i] = s;
        }
    }

    /** The same and then of the four rows of z. Of four times four, C2 makes no vectors. */
    static void addColumns(float[] x, float[] y, float[] z, float[] v, int b, int count, float[] sums) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        float y0 = v[b + 4];
        float y1 = v[b + 5];
        float y2 = v[b + 6];
        float y3 = v[b + 7];
        float z0 = v[b + 8];
        float z1 = v[b + 9];
        float z2 = v[b + 10];
        float z3 = v[b + 11];
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            float s = sums[i];
            s = Math.fma(x0, x[i], s);
            s = Math.fma(x1, x[i + WIDTH], s);
            s = Math.fma(x2, x[i + 2 * WIDTH], s);
            s = Math.fma(x3, x[i + 3 * WIDTH], s);
            s = Math.fma(y0, y[i], s);
            s = Math.fma(y1, y[i + WIDTH], s);
            s = Math.fma(y2, y[i + 2 * WIDTH], s);
            s = Math.fma(y3, y[i + 3 * WIDTH], s);
            s = Math.fma(z0, z[i], s);
            s = Math.fma(z1, z[i + WIDTH], s);
            s = Math.fma(z2, z[i + 2 * WIDTH], s);
            s = Math.fma(z3, z[i + 3 * WIDTH], s);
            sums[i] = s;
        }
    }

    /** sums[i] += x w[h] + y w[h + 16] + z w[h + 32] + u w[h + 48], in this order, for i below {@code count}. */
    static void addFour(float[] x, float[] y, float[] z, float[] u, float[] w, int h, int count, float[] sums) {
        float w0 = w[h];
        float w1 = w[h + Kernels.LANES];
        float w2 = w[h + 2 * Kernels.LANES];
        float w3 = w[h + 3 * Kernels.LANES];
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            sums[i] = Math.fma(u[i], w3, Math.fma(z[i], w2, Math.fma(y[i], w1, Math.fma(x[i], w0, sums[i]))));
        }
    }

    /** sums[i] += x w[h], for i below {@code count}. */
    static void addOne(float[] x, float[] w, int h, int count, float[] sums) {
        float w0 = w[h];
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            sums[i] = Math.fma(x[i], w0, sums[i]);
        }
    }

    /** Adds the rows that stand first in the scratch of {@link ScalarDense}, each times a number, to its row of sums. */
    static void addFive(float v0, float v1, float v2, float v3, float v4, float[] s) {
        for (int h = 0; h < WIDTH; h++) {
            float sum = Math.fma(v1, s[h + WIDTH], Math.fma(v0, s[h], s[h + ScalarDense.ROW]));
            s[h + ScalarDense.ROW] =
                    Math.fma(v4, s[h + 4 * WIDTH], Math.fma(v3, s[h + 3 * WIDTH], Math.fma(v2, s[h + 2 * WIDTH], sum)));
        }
    }

    /** The same of the first row alone. */
    static void addOne(float v, float[] s) {
        for (int h = 0; h < WIDTH; h++) {
            s[h + ScalarDense.ROW] = Math.fma(v, s[h], s[h + ScalarDense.ROW]);
        }
    }

    /** Multiplies the row of sums in the scratch of {@link ScalarDense} by the sigmoid's slope. */
    static void timesSigmoidSlope(float[] s) {
        for (int h = 0; h < WIDTH; h++) {
            s[h + ScalarDense.ROW] *= s[h + ScalarDense.Z] * (1f - s[h + ScalarDense.Z]);
        }
    }

    /** y += x, of the first {@code count} elements. */
    static void addSum(float[] x, int count, float[] y) {
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            y[i] += x[i];
        }
    }

    /** y += x, of four rows. */
    static void addSum(float[] x, float[] y) {
        for (int i = 0; i < 4 * WIDTH; i++) {
            y[i] += x[i];
        }
    }

    /** Turns -0.0 into +0.0 in four rows and changes nothing else; see SegmentTree. */
    static void plusZero(float[] sums) {
        for (int i = 0; i < 4 * WIDTH; i++) {
            sums[i] += 0f;
        }
    }

    /** least[i] = the least of itself and the magnitude of row[i], for i below {@code count}; NaN if one of them is. */
    static void lower(float[] least, float[] row, int count) {
        int end = Math.min(count, WIDTH);
        for (int i = 0; i < end; i++) {
            least[i] = Math.min(least[i], Math.abs(row[i]));
        }
    }

    /**
     * Adds to the four rows of s the first {@code rows} rows of x, at most {@value #ROWS_AT_ONCE}, each times four values from
     * {@code v[b]} on; of each row {@code count} elements.
     */
    static void addRows(int rows, float[][] x, float[] v, int b, int count, float[] s) {
        switch (rows) {
            case ROWS_AT_ONCE -> addRows(x[0], x[1], x[2], x[3], v, b, count, s);
            case 3 -> addRows(x[0], x[1], x[2], v, b, count, s);
            case 2 -> addRows(x[0], x[1], v, b, count, s);
            default -> addRow(x[0], v, b, count, s);
        }
    }

    /** s[c, h] += v[b + c] x[h] for the four rows of s, and h below {@code count}. */
    static void addRow(float[] x, float[] v, int b, int count, float[] s) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        int end = Math.min(count, WIDTH);
        for (int h = 0; h < end; h++) {
            float s0 = s[h];
            float s1 = s[h + WIDTH];
            float s2 = s[h + 2 * WIDTH];
            float s3 = s[h + 3 * WIDTH];
            float xh = x[h];
            s0 = Math.fma(x0, xh, s0);
            s1 = Math.fma(x1, xh, s1);
            s2 = Math.fma(x2, xh, s2);
            s3 = Math.fma(x3, xh, s3);
            s[h] = s0;
            s[h + WIDTH] = s1;
            s[h + 2 * WIDTH] = s2;
            s[h + 3 * WIDTH] = s3;
        }
    }

    /** The same of two rows, the next four values for the second. */
    static void addRows(float[] x, float[] y, float[] v, int b, int count, float[] s) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        float y0 = v[b + 4];
        float y1 = v[b + 5];
        float y2 = v[b + 6];
        float y3 = v[b + 7];
        int end = Math.min(count, WIDTH);
        for (int h = 0; h < end; h++) {
            float s0 = s[h];
            float s1 = s[h + WIDTH];
            float s2 = s[h + 2 * WIDTH];
            float s3 = s[h + 3 * WIDTH];
            float xh = x[h];
            s0 = Math.fma(x0, xh, s0);
            s1 = Math.fma(x1, xh, s1);
            s2 = Math.fma(x2, xh, s2);
            s3 = Math.fma(x3, xh, s3);
            float yh = y[h];
            s0 = Math.fma(y0, yh, s0);
            s1 = Math.fma(y1, yh, s1);
            s2 = Math.fma(y2, yh, s2);
            s3 = Math.fma(y3, yh, s3);
            s[h] = s0;
            s[h + WIDTH] = s1;
            s[h + 2 * WIDTH] = s2;
            s[h + 3 * WIDTH] = s3;
        }
    }

    /** The same of three. */
    static void addRows(float[] x, float[] y, float[] z, float[] v, int b, int count, float[] s) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        float y0 = v[b + 4];
        float y1 = v[b + 5];
        float y2 = v[b + 6];
        float y3 = v[b + 7];
        float z0 = v[b + 8];
        float z1 = v[b + 9];
        float z2 = v[b + 10];
        float z3 = v[b + 11];
        int end = Math.min(count, WIDTH);
        for (int h = 0; h < end; h++) {
            float s0 = s[h];
            float s1 = s[h + WIDTH];
            float s2 = s[h + 2 * WIDTH];
            float s3 = s[h + 3 * WIDTH];
            float xh = x[h];
            s0 = Math.fma(x0, xh, s0);
            s1 = Math.fma(x1, xh, s1);
            s2 = Math.fma(x2, xh, s2);
            s3 = Math.fma(x3, xh, s3);
            float yh = y[h];
            s0 = Math.fma(y0, yh, s0);
            s1 = Math.fma(y1, yh, s1);
            s2 = Math.fma(y2, yh, s2);
            s3 = Math.fma(y3, yh, s3);
            float zh = z[h];
            s0 = Math.fma(z0, zh, s0);
            s1 = Math.fma(z1, zh, s1);
            s2 = Math.fma(z2, zh, s2);
            s3 = Math.fma(z3, zh, s3);
            s[h] = s0;
            s[h + WIDTH] = s1;
            s[h + 2 * WIDTH] = s2;
            s[h + 3 * WIDTH] = s3;
        }
    }

    /** The same of four. */
    static void addRows(float[] x, float[] y, float[] z, float[] u, float[] v, int b, int count, float[] s) {
        float x0 = v[b];
        float x1 = v[b + 1];
        float x2 = v[b + 2];
        float x3 = v[b + 3];
        float y0 = v[b + 4];
        float y1 = v[b + 5];
        float y2 = v[b + 6];
        float y3 = v[b + 7];
        float z0 = v[b + 8];
        float z1 = v[b + 9];
        float z2 = v[b + 10];
        float z3 = v[b + 11];
        float u0 = v[b + 12];
        float u1 = v[b + 13];
        float u2 = v[b + 14];
        float u3 = v[b + 15];
        int end = Math.min(count, WIDTH);
        for (int h = 0; h < end; h++) {
            float s0 = s[h];
            float s1 = s[h + WIDTH];
            float s2 = s[h + 2 * WIDTH];
            float s3 = s[h + 3 * WIDTH];
            float xh = x[h];
            s0 = Math.fma(x0, xh, s0);
            s1 = Math.fma(x1, xh, s1);
            s2 = Math.fma(x2, xh, s2);
            s3 = Math.fma(x3, xh, s3);
            float yh = y[h];
            s0 = Math.fma(y0, yh, s0);
            s1 = Math.fma(y1, yh, s1);
            s2 = Math.fma(y2, yh, s2);
            s3 = Math.fma(y3, yh, s3);
            float zh = z[h];
            s0 = Math.fma(z0, zh, s0);
            s1 = Math.fma(z1, zh, s1);
            s2 = Math.fma(z2, zh, s2);
            s3 = Math.fma(z3, zh, s3);
            float uh = u[h];
            s0 = Math.fma(u0, uh, s0);
            s1 = Math.fma(u1, uh, s1);
            s2 = Math.fma(u2, uh, s2);
            s3 = Math.fma(u3, uh, s3);
            s[h] = s0;
            s[h + WIDTH] = s1;
            s[h + 2 * WIDTH] = s2;
            s[h + 3 * WIDTH] = s3;
        }
    }
}
