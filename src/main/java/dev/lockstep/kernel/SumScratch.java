package dev.lockstep.kernel;

/**
 * Where the sums of a gradient stand while they are added up: those that wait and the newest. On the heap, scratch of one
 * thread; {@link GradientSum#newScratch} makes it.
 */
public final class SumScratch {
    private final int depth;
    private final float[] stack;
    private float[][] sums; // made when they are first asked for, as the next
    private float[][] rows;

    SumScratch(int depth) {
        this.depth = depth;
        this.stack = AlignedFloats.make((depth + 2) * GradientSum.SUMS);
    }

    /** Room for all sums and two more, one behind the other from {@link AlignedFloats#FIRST} on: [depth + 2, {@link GradientSum#SUMS}]. */
    float[] stack() {
        return stack;
    }

    /** An array for each sum: [depth, {@link GradientSum#SUMS}]. */
    float[][] sums() {
        if (sums == null) {
            sums = new float[depth][GradientSum.SUMS];
        }
        return sums;
    }

    /** An array for each row of those that are added at a time: [{@link ScalarLoops#ROWS_AT_ONCE}, {@link GradientRows#BLOCK}]. */
    float[][] rows() {
        if (rows == null) {
            rows = new float[ScalarLoops.ROWS_AT_ONCE][GradientRows.BLOCK];
        }
        return rows;
    }
}
