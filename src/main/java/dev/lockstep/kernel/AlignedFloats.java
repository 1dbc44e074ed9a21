package dev.lockstep.kernel;

/**
 * Arrays on the heap for vectors of 64 bytes, each of which then lies in one cache line and not in two: the first layer's sums and
 * gradient take a tenth less time so. A Java array begins wherever an object may, but one of more than half a region of G1
 * begins a region, and its elements 16 bytes after that; so the numbers begin at {@link #FIRST}, and the array is as large as
 * this takes with regions of 1 MB, those of heaps of up to about 4 GB. With other collectors, or larger regions, vectors lie
 * where they may: the bits are the same. There are few such arrays, two for each run of rows and one for each thread.
 */
final class AlignedFloats {
    /** The element where the numbers begin: 48 bytes after the array's first one. */
    static final int FIRST = 12;

    /** More than half of 1 MB, in floats. */
    private static final int LEAST = (1 << 17) + 1;

    private AlignedFloats() {}

    /** An array with room for {@code length} numbers from {@link #FIRST} on. */
    static float[] make(int length) {
        return new float[Math.max(LEAST, Math.addExact(FIRST, length))];
    }
}
