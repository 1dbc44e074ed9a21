package dev.lockstep.kernel;

/**
 * Random numbers that are a pure function of a key and a counter, so that any machine can make the n-th one without the
 * ones before. The mixing is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014; constants of Stafford's variant 13), applied to key and counter in turn. Immutable; any thread.
 */
public final class CounterRandom {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private final long key;

    /**
     * @param seed the run's seed
     * @param stream which use of the seed this is; different streams are independent
     */
    public CounterRandom(long seed, long stream) {
        this.key = mix(mix(seed + GOLDEN_GAMMA) ^ (stream * GOLDEN_GAMMA + 1));
    }

    /** 64 random bits for (key, counter). */
    public long bits(long counter) {
        return mix(key ^ mix(counter * GOLDEN_GAMMA + GOLDEN_GAMMA));
    }

    /** Uniform in 0 to bound - 1; the deviation from uniform is below bound / 2^63. */
    public int below(int bound, long counter) {
        return (int) (Math.multiplyHigh(bits(counter) >>> 1, (long) bound << 1));
    }

    /** Uniform in the open interval (0, 1): an odd multiple of 2^-53. */
    public double unit(long counter) {
        return ((bits(counter) >>> 12) + 0.5) * 0x1.0p-52;
    }

    /**
     * A number from the normal distribution N(0, 1), by Box and Muller's transform of the units 2 * counter and 2 *
     * counter + 1; {@link StrictMath} makes its bits the same everywhere.
     */
    public double gaussian(long counter) {
        double radius = StrictMath.sqrt(-2 * StrictMath.log(unit(2 * counter)));
        return radius * StrictMath.cos(2 * Math.PI * unit(2 * counter + 1));
    }

    /** A bijection of the 64-bit integers that flips about half of the bits when one bit of the argument flips. */
    public static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
