package dev.lockstep.data;

import dev.lockstep.kernel.CounterRandom;

/**
 * A random permutation of 0 to size - 1 of which each element is computed when it is asked for, so that shuffling costs
 * no memory and any machine can look up any place. A Feistel network permutes the smallest power of four that holds the
 * range; a result outside the range is permuted again until it falls inside (Black and Rogaway: Ciphers with Arbitrary
 * Finite Domains, 2002). Immutable; any thread.
 */
public final class Permutation {
    private static final int ROUNDS = 6;

    private final int size;
    private final int halfBits;
    private final int halfMask;
    private final CounterRandom random;

    /**
     * @param size number of elements, at least 1
     * @param random which permutation it is
     */
    public Permutation(int size, CounterRandom random) {
        if (size < 1) {
            throw new IllegalArgumentException("permutation of " + size + " elements: expected at least 1");
        }
        this.size = size;
        this.halfBits = Math.max(1, (33 - Integer.numberOfLeadingZeros(size - 1)) / 2);
        this.halfMask = (1 << halfBits) - 1;
        this.random = random;
    }

    /** The element at {@code place}. */
    public int at(int place) {
        long x = place;
        do {
            x = encrypt(x);
        } while (x >= size);
        return (int) x;
    }

    /** The place of {@code element}: {@code placeOf(at(i)) == i}. */
    public int placeOf(int element) {
        long x = element;
        do {
            x = decrypt(x);
        } while (x >= size);
        return (int) x;
    }

    private long encrypt(long x) {
        int left = (int) (x >>> halfBits);
        int right = (int) x & halfMask;
        for (int round = 0; round < ROUNDS; round++) {
            int next = left ^ roundValue(round, right);
            left = right;
            right = next;
        }
        return (long) left << halfBits | right;
    }

    private long decrypt(long x) {
        int left = (int) (x >>> halfBits);
        int right = (int) x & halfMask;
        for (int round = ROUNDS - 1; round >= 0; round--) {
            int before = right ^ roundValue(round, left);
            right = left;
            left = before;
        }
        return (long) left << halfBits | right;
    }

    private int roundValue(int round, int half) {
        return (int) random.bits((long) round << 32 | half) & halfMask;
    }
}
