package dev.lockstep.kernel;

/**
 * Where the sums of a gradient stand while they are added up: those that wait and the newest. On the heap, scratch of one
 * thread; {@link GradientSum#newScratch} makes it.
 */
public final class SumScratch {
    private final int depth;
    private final float[] stack;
    private float[][] sums; // made when they are first asked for

    SumScratch(int depth) {
        this.depth = depth;
        this.stack = new float[(depth + 2) * GradientSum.SUMS];
    }

    /** Room for all sums and two more, one behind the other: [depth + 2, {@link GradientSum#SUMS}]. */
    float[] stack() {
        return stack;
    }

    /** An array for each sum, and in it room for what is added: [depth, 2 {@link GradientSum#SUMS}]. */
    float[][] sums() {
        if (sums == null) {
            sums = new float[depth][2 * GradientSum.SUMS];
        }
        return sums;
    }
}
