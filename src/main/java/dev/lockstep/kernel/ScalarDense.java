package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The second layer in plain loops: {@link Kernels#denseAffine} and {@link Kernels#hiddenDelta}. Weights and a row are copied to
 * scratch on the heap first, since an access to a buffer costs several to an array.
 */
final class ScalarDense {
    private static final int LANES = Kernels.LANES;
    /** Rows that {@link #affine} computes at a time. */
    static final int ROWS = ScalarLoops.WIDTH;

    // Of the pass back, which goes by blocks of hidden units: where things stand in the scratch, each BLOCK floats.

    private static final int BLOCK = GradientRows.BLOCK;
    /** Classes that are added at a time; their weights stand first. */
    static final int AT_ONCE = 5;
    /** The row's sums. */
    static final int ROW = AT_ONCE * BLOCK;
    /** The row's activations. */
    static final int Z = ROW + BLOCK;

    /** Floats of the scratch. */
    static final int SCRATCH = Z + BLOCK;

    private ScalarDense() {}

    /** The rows lie along the loops: of their sums, 16 chains for each class, C2 makes vectors. */
    static void affine(
            FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, LayerScratch scratch, FloatMatrix out) {
        float[][] columns = scratch.columns();
        float[] w = scratch.flat();
        for (int first = 0; first < rows; first += ROWS) {
            int count = Math.min(ROWS, rows - first);
            turn(z, first, count, scratch.flat(), columns);
            for (int k = 0; k < w2t.rows(); k++) {
                w2t.data().buffer().get(k * w2t.stride(), w, 0, w2t.stride());
                float[] sums = dot(columns, w, w2t.stride(), count, scratch.chains());
                put(sums, bias.get(k), first, count, k, out);
            }
        }
        for (int r = 0; r < rows; r++) {
            for (int k = w2t.rows(); k < out.stride(); k++) {
                out.data().buffer().put(r * out.stride() + k, 0f);
            }
        }
    }

    /** columns[h, i] = z[first + i, h]. */
    private static void turn(FloatMatrix z, int first, int count, float[] row, float[][] columns) {
        for (int i = 0; i < count; i++) {
            z.data().buffer().get((first + i) * z.stride(), row, 0, z.stride());
            for (int h = 0; h < z.stride(); h++) {
                columns[h][i] = row[h];
            }
        }
    }

    /** Of each row, the sum of columns[h] w[h] in 16 chains, of which those at a distance of 8, of 4, of 2, of 1 are added. */
    private static float[] dot(float[][] columns, float[] w, int length, int rows, float[][] chains) {
        for (int c = 0; c < LANES; c++) {
            Arrays.fill(chains[c], 0, rows, 0f);
            int h = c;
            for (; h + 3 * LANES < length; h += 4 * LANES) {
                ScalarLoops.addFour(
                        columns[h],
                        columns[h + LANES],
                        columns[h + 2 * LANES],
                        columns[h + 3 * LANES],
                        w,
                        h,
                        rows,
                        chains[c]);
            }
            for (; h < length; h += LANES) {
                ScalarLoops.addOne(columns[h], w, h, rows, chains[c]);
            }
        }
        for (int distance = LANES / 2; distance > 0; distance /= 2) {
            for (int c = 0; c < distance; c++) {
                ScalarLoops.addSum(chains[c + distance], rows, chains[c]);
            }
        }
        return chains[0];
    }

    private static void put(float[] sums, float bias, int first, int count, int k, FloatMatrix out) {
        FloatBuffer result = out.data().buffer();
        for (int i = 0; i < count; i++) {
            result.put((first + i) * out.stride() + k, bias + sums[i]);
        }
    }

    static void back(
            Activation activation,
            FloatMatrix delta,
            int rows,
            FloatMatrix w2t,
            FloatMatrix z,
            float[] s,
            FloatMatrix out) {
        for (int h = 0; h < z.stride(); h += BLOCK) {
            int width = Math.min(BLOCK, z.stride() - h);
            int count = 0;
            for (int first = 0; first < w2t.rows(); first += count) {
                count = first + AT_ONCE <= w2t.rows() ? AT_ONCE : 1;
                for (int k = 0; k < count; k++) {
                    w2t.data().buffer().get((first + k) * w2t.stride() + h, s, k * BLOCK, width);
                }
                for (int r = 0; r < rows; r++) {
                    int at = r * out.stride() + h;
                    if (first == 0) {
                        Arrays.fill(s, ROW, ROW + BLOCK, 0f);
                    } else {
                        out.data().buffer().get(at, s, ROW, width);
                    }
                    addClasses(delta.data().buffer(), r * delta.stride() + first, count, s);
                    if (first + count == w2t.rows()) {
                        z.data().buffer().get(r * z.stride() + h, s, Z, width);
                        timesSlope(activation, s);
                    }
                    out.data().buffer().put(at, s, ROW, width);
                }
            }
        }
    }

    private static void addClasses(FloatBuffer d, int first, int count, float[] s) {
        if (count == AT_ONCE) {
            ScalarLoops.addFive(
                    d.get(first), d.get(first + 1), d.get(first + 2), d.get(first + 3), d.get(first + 4), s);
        } else {
            ScalarLoops.addOne(d.get(first), s);
        }
    }

    private static void timesSlope(Activation activation, float[] s) {
        if (activation == Activation.SIGMOID) {
            ScalarLoops.timesSigmoidSlope(s);
        } else {
            for (int h = 0; h < BLOCK; h++) {
                s[h + ROW] *= ScalarKernels.slope(activation, s[h + Z]);
            }
        }
    }
}
