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

    /** The square root of 1/2: log reduces its argument to from here to twice this. */
    static final float SQRT_HALF = 0.70710677f;
    /** Brings the smallest denormal into the range of normal floats. */
    static final float DENORMAL_SCALE = 0x1p23f;

    // (log(1 + f) - f + f^2 / 2) / f^3 on sqrt(1/2) - 1 <= f <= sqrt(2) - 1 as a polynomial of degree 8: 7.5e-10
    // relative
    // in log(1 + f). A minimax fit by Lawson's iteration, rounded.
    static final float L0 = 0.333333135f;
    static final float L1 = -0.250000089f;
    static final float L2 = 0.200021192f;
    static final float L3 = -0.166679963f;
    static final float L4 = 0.142195523f;
    static final float L5 = -0.124055892f;
    static final float L6 = 0.118881628f;
    static final float L7 = -0.116756514f;
    static final float L8 = 0.0674663857f;

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

    /**
     * The natural logarithm to within 1 unit in the last place (measured for every positive float: at most 0.832); minus
     * infinity for 0, infinity for infinity, NaN for less than 0 and for NaN.
     */
    public static float log(float x) {
        if (!(x > 0f) || x == Float.POSITIVE_INFINITY) {
            return x == 0f ? Float.NEGATIVE_INFINITY : x > 0f ? x : Float.NaN;
        }
        boolean isDenormal = x < Float.MIN_NORMAL;
        int bits = Float.floatToRawIntBits(isDenormal ? x * DENORMAL_SCALE : x);
        int exponent = bits - Float.floatToRawIntBits(SQRT_HALF) >> 23;
        float n = isDenormal ? exponent - 23 : exponent;
        float f = Float.intBitsToFloat(bits - (exponent << 23)) - 1f;
        float p = Math.fma(Math.fma(Math.fma(Math.fma(L8, f, L7), f, L6), f, L5), f, L4);
        p = Math.fma(Math.fma(Math.fma(Math.fma(p, f, L3), f, L2), f, L1), f, L0);
        float square = f * f;
        float rest = Math.fma(-0.5f, square, Math.fma(n, LN2_LOW, square * f * p));
        return Math.fma(n, LN2_HIGH, f + rest);
    }

    private static float powerOfTwo(int exponent) {
        return Float.intBitsToFloat((exponent + 127) << 23);
    }
}
