package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * {@link Kernels#denseAffine} with the rows along the lanes, see {@link TurnedRows}: the chains of a sum are vectors of their
 * own and are added without going across lanes.
 */
final class VectorDenseAffine {
    private static final int LANES = Kernels.LANES;
    private static final int ROWS = TurnedRows.ROWS;
    /** Classes that are computed at a time, at most. */
    private static final int CLASSES = LayerScratch.CLASSES;

    private VectorDenseAffine() {}

    static void apply(
            FloatMatrix z, int rows, FloatMatrix w2t, FloatArray bias, LayerScratch scratch, FloatMatrix out) {
        float[] turned = scratch.turned();
        float[] scores = scratch.scores();
        int classes = w2t.rows();
        TurnedRows.take(w2t, 0, classes, w2t.stride(), scratch.flat(), scratch.weights(), classes);
        Arrays.fill(scores, classes * ROWS, out.stride() * ROWS, 0f); // the padding of all rows
        for (int first = 0; first < rows; first += ROWS) {
            int count = Math.min(ROWS, rows - first);
            TurnedRows.take(z, first, count, z.stride(), scratch.flat(), turned, ROWS);
            for (int k = 0; k < classes; k += CLASSES) {
                int some = Math.min(CLASSES, classes - k);
                for (int lane = 0; lane < ROWS; lane += WIDTH) {
                    chains(turned, lane, z.stride(), scratch.weights(), k, classes, some, scratch.sums());
                    for (int i = 0; i < some; i++) {
                        sum(scratch.sums(), i * WIDTH, some * WIDTH, bias.get(k + i), scores, (k + i) * ROWS + lane);
                    }
                }
            }
            TurnedRows.put(scores, out, first, count, out.stride());
        }
    }

    /**
     * sums[c, k, :] = the sum over h of z[h, lane ...] w[h, from + k] for h modulo {@link #LANES} = c, ascending.
     *
     * @param z [hidden, {@link #ROWS}]
     * @param w [hidden, classes]
     * @param count of classes
     */
    private static void chains(
            float[] z, int lane, int hidden, float[] w, int from, int classes, int count, float[] sums) {
        Arrays.fill(sums, 0, LANES * count * WIDTH, 0f);
        for (int c = 0; c < LANES; c++) {
            int to = c * count * WIDTH;
            int h = c;
            for (; h + 3 * LANES < hidden; h += 4 * LANES) {
                addFour(z, h * ROWS + lane, w, h * classes + from, LANES * classes, count, sums, to);
            }
            for (; h < hidden; h += LANES) {
                addOne(z, h * ROWS + lane, w, h * classes + from, count, sums, to);
            }
        }
    }

    /** @param step from one of the chain's weights to the next */
    private static void addFour(float[] z, int i, float[] w, int at, int step, int count, float[] sums, int to) {
        FloatVector z0 = load(z, i);
        FloatVector z1 = load(z, i + LANES * ROWS);
        FloatVector z2 = load(z, i + 2 * LANES * ROWS);
        FloatVector z3 = load(z, i + 3 * LANES * ROWS);
        for (int k = 0; k < count; k++) {
            FloatVector sum = z0.fma(all(w[at + k]), load(sums, to + k * WIDTH));
            sum = z1.fma(all(w[at + step + k]), sum);
            sum = z2.fma(all(w[at + 2 * step + k]), sum);
            z3.fma(all(w[at + 3 * step + k]), sum).intoArray(sums, to + k * WIDTH);
        }
    }

    private static void addOne(float[] z, int i, float[] w, int at, int count, float[] sums, int to) {
        FloatVector z0 = load(z, i);
        for (int k = 0; k < count; k++) {
            z0.fma(all(w[at + k]), load(sums, to + k * WIDTH)).intoArray(sums, to + k * WIDTH);
        }
    }

    /** The chains at a distance of 8 are added, then those at 4, at 2, at 1; and that to the bias. */
    private static void sum(float[] sums, int i, int step, float bias, float[] to, int at) {
        FloatVector s0 = load(sums, i).add(load(sums, i + 8 * step));
        FloatVector s4 = load(sums, i + 4 * step).add(load(sums, i + 12 * step));
        FloatVector s2 = load(sums, i + 2 * step).add(load(sums, i + 10 * step));
        FloatVector s6 = load(sums, i + 6 * step).add(load(sums, i + 14 * step));
        FloatVector even = s0.add(s4).add(s2.add(s6));
        FloatVector s1 = load(sums, i + step).add(load(sums, i + 9 * step));
        FloatVector s5 = load(sums, i + 5 * step).add(load(sums, i + 13 * step));
        FloatVector s3 = load(sums, i + 3 * step).add(load(sums, i + 11 * step));
        FloatVector s7 = load(sums, i + 7 * step).add(load(sums, i + 15 * step));
        all(bias).add(even.add(s1.add(s5).add(s3.add(s7)))).intoArray(to, at);
    }
}
