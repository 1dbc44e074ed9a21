package dev.lockstep.kernel;

import static dev.lockstep.kernel.SparseBatch.PIXELS;
import static dev.lockstep.kernel.SparseBatch.ROW_SHIFT;
import static dev.lockstep.kernel.VectorLanes.BLOCK;
import static dev.lockstep.kernel.VectorLanes.SPECIES;
import static dev.lockstep.kernel.VectorLanes.WIDTH;
import static dev.lockstep.kernel.VectorLanes.all;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost loop of {@link VectorSparseGradient}: adds the entries of one segment, a row of delta times four values each,
 * to the sums of a group, which are in registers meanwhile. It is written out for each way that sums come and go, since a
 * segment has four entries on average, and loading and adding zeros costs as much as one of them (100 rows of MNIST in 8
 * segments, both layers: 48 us, and 54 us with one loop for all).
 *
 * <p>All methods take the entries from {@code from} on whose rows come before {@code rowEnd}, and return the first one after
 * them; {@code to} is the end of the group's. Row 0 of the deltas begins at {@code deltas[d]}.
 *
 * <p>{@link FloatVector#fromArray} itself and not {@link VectorLanes#load}: C2 inlines nothing more in a method of so many
 * nodes but the methods of the vector API, and would allocate what a call returns.
 */
final class VectorSegments {
    private VectorSegments() {}

    /** The sums of the segment alone, four vectors of each column, go to {@code sums[at]}. */
    static int four(SparseBatch x, int from, int to, int rowEnd, float[] deltas, int d, float[] sums, int at) {
        long[] entries = x.entries();
        boolean arePixels = x.arePixels();
        float[] values = x.floats();
        FloatVector s00 = FloatVector.zero(SPECIES);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s12 = s00;
        FloatVector s13 = s00;
        FloatVector s20 = s00;
        FloatVector s21 = s00;
        FloatVector s22 = s00;
        FloatVector s23 = s00;
        FloatVector s30 = s00;
        FloatVector s31 = s00;
        FloatVector s32 = s00;
        FloatVector s33 = s00;
        int e = from;
        for (; e < to && (int) (entries[e] >>> ROW_SHIFT) < rowEnd; e++) {
            long entry = entries[e];
            int low = (int) entry;
            float x0;
            float x1;
            float x2;
            float x3;
            if (arePixels) {
                x0 = PIXELS[low & 0xff];
                x1 = PIXELS[low >>> 8 & 0xff];
                x2 = PIXELS[low >>> 16 & 0xff];
                x3 = PIXELS[low >>> 24];
            } else {
                x0 = values[low];
                x1 = values[low + 1];
                x2 = values[low + 2];
                x3 = values[low + 3];
            }
            int i = d + (int) (entry >>> ROW_SHIFT) * GradientRows.BLOCK;
            FloatVector d0 = FloatVector.fromArray(SPECIES, deltas, i);
            FloatVector d1 = FloatVector.fromArray(SPECIES, deltas, i + WIDTH);
            FloatVector d2 = FloatVector.fromArray(SPECIES, deltas, i + 2 * WIDTH);
            FloatVector d3 = FloatVector.fromArray(SPECIES, deltas, i + 3 * WIDTH);
            FloatVector v0 = all(x0);
            s00 = d0.fma(v0, s00);
            s01 = d1.fma(v0, s01);
            s02 = d2.fma(v0, s02);
            s03 = d3.fma(v0, s03);
            FloatVector v1 = all(x1);
            s10 = d0.fma(v1, s10);
            s11 = d1.fma(v1, s11);
            s12 = d2.fma(v1, s12);
            s13 = d3.fma(v1, s13);
            FloatVector v2 = all(x2);
            s20 = d0.fma(v2, s20);
            s21 = d1.fma(v2, s21);
            s22 = d2.fma(v2, s22);
            s23 = d3.fma(v2, s23);
            FloatVector v3 = all(x3);
            s30 = d0.fma(v3, s30);
            s31 = d1.fma(v3, s31);
            s32 = d2.fma(v3, s32);
            s33 = d3.fma(v3, s33);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + WIDTH);
        s02.intoArray(sums, at + 2 * WIDTH);
        s03.intoArray(sums, at + 3 * WIDTH);
        s10.intoArray(sums, at + BLOCK);
        s11.intoArray(sums, at + BLOCK + WIDTH);
        s12.intoArray(sums, at + BLOCK + 2 * WIDTH);
        s13.intoArray(sums, at + BLOCK + 3 * WIDTH);
        s20.intoArray(sums, at + 2 * BLOCK);
        s21.intoArray(sums, at + 2 * BLOCK + WIDTH);
        s22.intoArray(sums, at + 2 * BLOCK + 2 * WIDTH);
        s23.intoArray(sums, at + 2 * BLOCK + 3 * WIDTH);
        s30.intoArray(sums, at + 3 * BLOCK);
        s31.intoArray(sums, at + 3 * BLOCK + WIDTH);
        s32.intoArray(sums, at + 3 * BLOCK + 2 * WIDTH);
        s33.intoArray(sums, at + 3 * BLOCK + 3 * WIDTH);
        return e;
    }

    /** Goes on with the sums at {@code sums[at]}, four vectors of each column. */
    static int moreFour(SparseBatch x, int from, int to, int rowEnd, float[] deltas, int d, float[] sums, int at) {
        long[] entries = x.entries();
        boolean arePixels = x.arePixels();
        float[] values = x.floats();
        FloatVector s00 = FloatVector.fromArray(SPECIES, sums, at);
        FloatVector s01 = FloatVector.fromArray(SPECIES, sums, at + WIDTH);
        FloatVector s02 = FloatVector.fromArray(SPECIES, sums, at + 2 * WIDTH);
        FloatVector s03 = FloatVector.fromArray(SPECIES, sums, at + 3 * WIDTH);
        FloatVector s10 = FloatVector.fromArray(SPECIES, sums, at + BLOCK);
        FloatVector s11 = FloatVector.fromArray(SPECIES, sums, at + BLOCK + WIDTH);
        FloatVector s12 = FloatVector.fromArray(SPECIES, sums, at + BLOCK + 2 * WIDTH);
        FloatVector s13 = FloatVector.fromArray(SPECIES, sums, at + BLOCK + 3 * WIDTH);
        FloatVector s20 = FloatVector.fromArray(SPECIES, sums, at + 2 * BLOCK);
        FloatVector s21 = FloatVector.fromArray(SPECIES, sums, at + 2 * BLOCK + WIDTH);
        FloatVector s22 = FloatVector.fromArray(SPECIES, sums, at + 2 * BLOCK + 2 * WIDTH);
        FloatVector s23 = FloatVector.fromArray(SPECIES, sums, at + 2 * BLOCK + 3 * WIDTH);
        FloatVector s30 = FloatVector.fromArray(SPECIES, sums, at + 3 * BLOCK);
        FloatVector s31 = FloatVector.fromArray(SPECIES, sums, at + 3 * BLOCK + WIDTH);
        FloatVector s32 = FloatVector.fromArray(SPECIES, sums, at + 3 * BLOCK + 2 * WIDTH);
        FloatVector s33 = FloatVector.fromArray(SPECIES, sums, at + 3 * BLOCK + 3 * WIDTH);
        int e = from;
        for (; e < to && (int) (entries[e] >>> ROW_SHIFT) < rowEnd; e++) {
            long entry = entries[e];
            int low = (int) entry;
            float x0;
            float x1;
            float x2;
            float x3;
            if (arePixels) {
                x0 = PIXELS[low & 0xff];
                x1 = PIXELS[low >>> 8 & 0xff];
                x2 = PIXELS[low >>> 16 & 0xff];
                x3 = PIXELS[low >>> 24];
            } else {
                x0 = values[low];
                x1 = values[low + 1];
                x2 = values[low + 2];
                x3 = values[low + 3];
            }
            int i = d + (int) (entry >>> ROW_SHIFT) * GradientRows.BLOCK;
            FloatVector d0 = FloatVector.fromArray(SPECIES, deltas, i);
            FloatVector d1 = FloatVector.fromArray(SPECIES, deltas, i + WIDTH);
            FloatVector d2 = FloatVector.fromArray(SPECIES, deltas, i + 2 * WIDTH);
            FloatVector d3 = FloatVector.fromArray(SPECIES, deltas, i + 3 * WIDTH);
            FloatVector v0 = all(x0);
            s00 = d0.fma(v0, s00);
            s01 = d1.fma(v0, s01);
            s02 = d2.fma(v0, s02);
            s03 = d3.fma(v0, s03);
            FloatVector v1 = all(x1);
            s10 = d0.fma(v1, s10);
            s11 = d1.fma(v1, s11);
            s12 = d2.fma(v1, s12);
            s13 = d3.fma(v1, s13);
            FloatVector v2 = all(x2);
            s20 = d0.fma(v2, s20);
            s21 = d1.fma(v2, s21);
            s22 = d2.fma(v2, s22);
            s23 = d3.fma(v2, s23);
            FloatVector v3 = all(x3);
            s30 = d0.fma(v3, s30);
            s31 = d1.fma(v3, s31);
            s32 = d2.fma(v3, s32);
            s33 = d3.fma(v3, s33);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + WIDTH);
        s02.intoArray(sums, at + 2 * WIDTH);
        s03.intoArray(sums, at + 3 * WIDTH);
        s10.intoArray(sums, at + BLOCK);
        s11.intoArray(sums, at + BLOCK + WIDTH);
        s12.intoArray(sums, at + BLOCK + 2 * WIDTH);
        s13.intoArray(sums, at + BLOCK + 3 * WIDTH);
        s20.intoArray(sums, at + 2 * BLOCK);
        s21.intoArray(sums, at + 2 * BLOCK + WIDTH);
        s22.intoArray(sums, at + 2 * BLOCK + 2 * WIDTH);
        s23.intoArray(sums, at + 2 * BLOCK + 3 * WIDTH);
        s30.intoArray(sums, at + 3 * BLOCK);
        s31.intoArray(sums, at + 3 * BLOCK + WIDTH);
        s32.intoArray(sums, at + 3 * BLOCK + 2 * WIDTH);
        s33.intoArray(sums, at + 3 * BLOCK + 3 * WIDTH);
        return e;
    }

    /** Goes on with the sums at {@code before[b]}, one vector of each column, to {@code sums[at]}. */
    static int one(
            SparseBatch x,
            int from,
            int to,
            int rowEnd,
            float[] deltas,
            int d,
            float[] before,
            int b,
            float[] sums,
            int at) {
        long[] entries = x.entries();
        boolean arePixels = x.arePixels();
        float[] values = x.floats();
        FloatVector s0 = FloatVector.fromArray(SPECIES, before, b);
        FloatVector s1 = FloatVector.fromArray(SPECIES, before, b + BLOCK);
        FloatVector s2 = FloatVector.fromArray(SPECIES, before, b + 2 * BLOCK);
        FloatVector s3 = FloatVector.fromArray(SPECIES, before, b + 3 * BLOCK);
        int e = from;
        for (; e < to && (int) (entries[e] >>> ROW_SHIFT) < rowEnd; e++) {
            long entry = entries[e];
            int low = (int) entry;
            float x0;
            float x1;
            float x2;
            float x3;
            if (arePixels) {
                x0 = PIXELS[low & 0xff];
                x1 = PIXELS[low >>> 8 & 0xff];
                x2 = PIXELS[low >>> 16 & 0xff];
                x3 = PIXELS[low >>> 24];
            } else {
                x0 = values[low];
                x1 = values[low + 1];
                x2 = values[low + 2];
                x3 = values[low + 3];
            }
            int i = d + (int) (entry >>> ROW_SHIFT) * GradientRows.BLOCK;
            FloatVector d0 = FloatVector.fromArray(SPECIES, deltas, i);
            s0 = d0.fma(all(x0), s0);
            s1 = d0.fma(all(x1), s1);
            s2 = d0.fma(all(x2), s2);
            s3 = d0.fma(all(x3), s3);
        }
        s0.intoArray(sums, at);
        s1.intoArray(sums, at + BLOCK);
        s2.intoArray(sums, at + 2 * BLOCK);
        s3.intoArray(sums, at + 3 * BLOCK);
        return e;
    }
}
