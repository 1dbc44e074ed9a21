package dev.lockstep.kernel;

import static dev.lockstep.kernel.VectorLanes.INT_SPECIES;
import static dev.lockstep.kernel.VectorLanes.SPECIES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;
import static dev.lockstep.kernel.VectorLanes.load;

import dev.lockstep.memory.ByteArray;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import java.nio.FloatBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link Kernels#lossAndDelta} with the rows along the lanes, see {@link TurnedRows}; logarithms are left to plain loops. */
final class VectorLoss {
    private static final int ROWS = TurnedRows.ROWS;
    /** Where numbers of the rows stand in the scratch for them: what the loss is made of, the sum or the squares. */
    private static final int SUM = 0;
    /** The largest score. */
    private static final int MAX = ROWS;
    /** The score of the row's class. */
    private static final int TARGET = 2 * ROWS;

    private VectorLoss() {}

    static void apply(
            Loss loss,
            FloatMatrix a,
            ByteArray labels,
            int rows,
            int classes,
            float scale,
            LayerScratch scratch,
            FloatArray losses) {
        float[] y = scratch.scores();
        float[] ofRow = scratch.ofRow();
        int[] targets = scratch.targets();
        for (int first = 0; first < rows; first += ROWS) {
            int count = Math.min(ROWS, rows - first);
            TurnedRows.take(a, first, count, classes, scratch.flat(), y, ROWS);
            for (int i = 0; i < count; i++) {
                targets[i] = labels.get(first + i);
                ofRow[TARGET + i] = y[targets[i] * ROWS + i];
            }
            for (int lane = 0; lane < ROWS; lane += WIDTH) {
                exponentials(y, lane, classes, ofRow);
                if (loss == Loss.CROSS_ENTROPY) {
                    crossEntropyDelta(y, lane, classes, targets, scale, ofRow);
                } else {
                    squaredErrorDelta(y, lane, classes, targets, scale, ofRow);
                }
            }
            put(loss, ofRow, losses.buffer(), first, count);
            TurnedRows.put(y, a, first, count, classes);
        }
    }

    private static void put(Loss loss, float[] ofRow, FloatBuffer losses, int first, int count) {
        for (int i = 0; i < count; i++) {
            // -log y_t as log(sum) - (a_t - max): there is no log of a y_t that underflowed to zero.
            float value = loss == Loss.CROSS_ENTROPY
                    ? ElementaryFunctions.log(ofRow[SUM + i]) - (ofRow[TARGET + i] - ofRow[MAX + i])
                    : 0.5f * ofRow[SUM + i];
            losses.put(first + i, value);
        }
    }

    /** From scores a to exp(a - max a), with their sums. */
    private static void exponentials(float[] a, int lane, int classes, float[] ofRow) {
        FloatVector max = load(a, lane);
        for (int k = 1; k < classes; k++) {
            max = max.max(load(a, k * ROWS + lane));
        }
        FloatVector sum = FloatVector.zero(SPECIES);
        for (int k = 0; k < classes; k++) {
            FloatVector e = VectorFunctions.exp(load(a, k * ROWS + lane).sub(max));
            e.intoArray(a, k * ROWS + lane);
            sum = sum.add(e);
        }
        max.intoArray(ofRow, MAX + lane);
        sum.intoArray(ofRow, SUM + lane);
    }

    /** From exponentials to (y - t) scale. */
    private static void crossEntropyDelta(float[] e, int lane, int classes, int[] targets, float scale, float[] ofRow) {
        FloatVector sum = load(ofRow, SUM + lane);
        IntVector target = IntVector.fromArray(INT_SPECIES, targets, lane);
        for (int k = 0; k < classes; k++) {
            FloatVector y = load(e, k * ROWS + lane).div(sum);
            minusTarget(y, target, k).mul(scale).intoArray(e, k * ROWS + lane);
        }
    }

    /** From exponentials to (d - sum d y) y scale with d = y - t; the sum of them gives way to that of d^2. */
    private static void squaredErrorDelta(float[] e, int lane, int classes, int[] targets, float scale, float[] ofRow) {
        FloatVector sum = load(ofRow, SUM + lane);
        IntVector target = IntVector.fromArray(INT_SPECIES, targets, lane);
        FloatVector squares = FloatVector.zero(SPECIES);
        FloatVector dy = FloatVector.zero(SPECIES);
        for (int k = 0; k < classes; k++) {
            FloatVector y = load(e, k * ROWS + lane).div(sum);
            y.intoArray(e, k * ROWS + lane);
            FloatVector d = minusTarget(y, target, k);
            squares = d.fma(d, squares);
            dy = d.fma(y, dy);
        }
        for (int k = 0; k < classes; k++) {
            FloatVector y = load(e, k * ROWS + lane);
            minusTarget(y, target, k).sub(dy).mul(y).mul(scale).intoArray(e, k * ROWS + lane);
        }
        squares.intoArray(ofRow, SUM + lane);
    }

    /** y - 1 in the rows whose class is k, y in the others. */
    private static FloatVector minusTarget(FloatVector y, IntVector target, int k) {
        return y.blend(y.sub(all(1f)), target.compare(VectorOperators.EQ, k).cast(SPECIES));
    }
}
