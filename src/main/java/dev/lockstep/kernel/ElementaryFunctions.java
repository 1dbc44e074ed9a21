package dev.lockstep.kernel;

/**
 * Elementary functions whose bits depend on nothing but their argument: the same in the interpreter and in compiled
 * code, on every JDK and for every vector width, which {@link Math#exp} does not promise. All methods are pure.
 */
public final class ElementaryFunctions {
    static final float LOG2_E = 1.442695041f;
    /** ln 2 split in two, so that n * LN2_HIGH is exact for every exponent n of a float (Cody and Waite). */
    static final float LN2_HIGH = 0.693145751953125f;

    static final float LN2_LOW = 1.428606820e-6f;
    /** Adding and subtracting 1.5 * 2^23 rounds a float below 2^22 to the nearest integer. */
    static final float ROUND_TO_INTEGER = 12582912f;
    /** exp of more is infinite: ln of the largest float, rounded up. */
    static final float EXP_OVERFLOW = 88.72284f;
    /** exp of less is zero: below half of the smallest denormal. */
    static final float EXP_UNDERFLOW = -104f;

    // (e^r - 1 - r) / r^2 on |r| <= ln(2)/2 as a polynomial of degree 4: 1.0e-8 relative in e^r. A minimax fit, with
    // coefficients then chosen among their neighbours so that the error of exp with all its roundings is least.
    static final float P0 = 0.50000006f;
    static final float P1 = 0.16666523f;
    static final float P2 = 0.041667685f;
    static final float P3 = 0.008369831f;
    static final float P4 = 0.0013816998f;

    private ElementaryFunctions() {}

    /**
     * e^x to within 1 unit in the last place (measured for every float: at most 0.995, and 0.775 where the result is
     * denormal) and never falling as x rises; 0 and infinity beyond the range of float; NaN for NaN.
     */
    public static float exp(float x) {
        if (x > EXP_OVERFLOW) {
            return Float.POSITIVE_INFINITY;
        }
        if (x < EXP_UNDERFLOW) {
            return 0f;
        }
        float n = Math.fma(x, LOG2_E, ROUND_TO_INTEGER) - ROUND_TO_INTEGER;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float p = Math.fma(Math.fma(Math.fma(Math.fma(P4, r, P3), r, P2), r, P1), r, P0);
        float e = Math.fma(p * r, r, r) + 1f;
        // 2^n in two factors, since n may reach 128 and, for denormal results, -150.
        int exponent = (int) n;
        int half = exponent >> 1;
        return e * powerOfTwo(half) * powerOfTwo(exponent - half);
    }

    /** 1 / (1 + e^-x). */
    public static float sigmoid(float x) {
        return 1f / (1f + exp(-x));
    }

    /** tanh x with an absolute error of at most 2^-23, as (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x. */
    public static float tanh(float x) {
        float e = exp(-2f * Math.abs(x));
        return Math.copySign((1f - e) / (1f + e), x);
    }

    private static float powerOfTwo(int exponent) {
        return Float.intBitsToFloat((exponent + 127) << 23);
    }
}
