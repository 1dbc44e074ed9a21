package dev.lockstep.kernel;

import java.util.Random;

/** What kind of numbers a test's arrays hold. */
public enum Regime {
    /** About N(0, 1), every tenth a zero. */
    ORDINARY,
    /** Those that pixels have: bytes over 255. */
    PIXELS,
    /** Nothing but zeros. */
    ZEROS,
    /** Of either sign and so small that many products are denormal or vanish. */
    TINY,
    /** Of either sign and so large that products come near the end of the range. */
    HUGE;

    /** The next number; never -0.0, like everything that the kernels are given. */
    public float next(Random random) {
        return switch (this) {
            case ORDINARY -> random.nextInt(10) == 0 ? 0f : (float) random.nextGaussian();
            case PIXELS -> random.nextInt(256) / 255f;
            case ZEROS -> 0f;
            case TINY -> spread(random, -90, -60);
            case HUGE -> spread(random, 30, 60);
        };
    }

    /** The same, but not zero where there is anything else. */
    public float nextNonZero(Random random) {
        float value = next(random);
        while (value == 0f && this != ZEROS) {
            value = next(random);
        }
        return value;
    }

    private static float spread(Random random, int from, int to) {
        return Math.scalb(1f + random.nextFloat(), from + random.nextInt(to - from)) * (random.nextBoolean() ? 1 : -1);
    }
}
