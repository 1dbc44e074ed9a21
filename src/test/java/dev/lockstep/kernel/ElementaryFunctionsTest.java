package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Errors against {@link StrictMath} in double. The bounds hold for every float from -105 to 105, which takes a minute;
 * here a float in {@value #STRIDE} is tried, a prime, so that no pattern of the bits is left out.
 */
class ElementaryFunctionsTest {
    private static final int STRIDE = 61;
    private static final float LIMIT = 105f;

    private interface FloatCheck {
        void check(float x);
    }

    private static void forFloats(float sign, FloatCheck check) {
        int last = Float.floatToIntBits(LIMIT);
        for (int bits = 0; bits <= last; bits += STRIDE) {
            check.check(sign * Float.intBitsToFloat(bits));
        }
    }

    /** Distance of two neighbouring floats around the exact value. */
    private static double unit(double exact) {
        int exponent = Math.getExponent(exact);
        return Math.scalb(1.0, Math.min(Math.max(exponent, Float.MIN_EXPONENT), Float.MAX_EXPONENT) - 23);
    }

    @ParameterizedTest
    @ValueSource(floats = {1, -1})
    void expIsWithinOneUnitInTheLastPlace(float sign) {
        forFloats(sign, x -> {
            double exact = StrictMath.exp(x);
            float found = ElementaryFunctions.exp(x);
            // Infinity stands for 2^128, the next number if there were one, and for all beyond.
            double distance = found > Float.MAX_VALUE ? Math.max(0, 0x1p128 - exact) : Math.abs(found - exact);
            double error = distance / unit(exact);
            if (!(error <= 1)) {
                fail("exp(%s): expected %s, found %s, %s units off", x, exact, found, error);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(floats = {1, -1})
    void allRiseWithTheirArgument(float sign) {
        float[] last = {ElementaryFunctions.exp(0f), 0.5f, 0f};
        forFloats(sign, x -> {
            float[] now = {ElementaryFunctions.exp(x), ElementaryFunctions.sigmoid(x), ElementaryFunctions.tanh(x)};
            for (int f = 0; f < now.length; f++) {
                if (!(sign * now[f] >= sign * last[f])) {
                    fail("function %d falls at %s from %s to %s", f, x, last[f], now[f]);
                }
            }
            System.arraycopy(now, 0, last, 0, now.length);
        });
    }

    /** Neighbours, not a stride: a step down would be a single unit, at the border of two intervals of reduction. */
    @Test
    void expRisesBetweenNeighboursAroundEveryBorderOfItsReduction() {
        for (int n = -150; n <= 127; n++) {
            float x = (float) ((n + 0.5) * StrictMath.log(2));
            for (int i = 0; i < 1000; i++) {
                x = Math.nextDown(x);
            }
            for (int i = 0; i < 2000; i++) {
                float next = Math.nextUp(x);
                assertThat(ElementaryFunctions.exp(next))
                        .as("exp(%s) after exp(%s)", next, x)
                        .isGreaterThanOrEqualTo(ElementaryFunctions.exp(x));
                x = next;
            }
        }
    }

    @Test
    void expAtTheEndsOfItsRange() {
        assertThat(ElementaryFunctions.exp(0f)).isEqualTo(1f);
        assertThat(ElementaryFunctions.exp(-0f)).isEqualTo(1f);
        assertThat(ElementaryFunctions.exp(Float.MIN_VALUE)).isEqualTo(1f);
        assertThat(ElementaryFunctions.exp(Float.NaN)).isNaN();
        assertThat(ElementaryFunctions.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ElementaryFunctions.exp(Float.MAX_VALUE)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(Float.floatToRawIntBits(ElementaryFunctions.exp(Float.NEGATIVE_INFINITY)))
                .isZero();
        assertThat(Float.floatToRawIntBits(ElementaryFunctions.exp(-Float.MAX_VALUE)))
                .isZero();
        // The largest float whose exponential is a float, and the next one.
        float last = 88.72283f;
        assertThat(ElementaryFunctions.exp(last)).isFinite().isGreaterThan(3.4e38f);
        assertThat(ElementaryFunctions.exp(Math.nextUp(Math.nextUp(last)))).isEqualTo(Float.POSITIVE_INFINITY);
        // Denormals down to the smallest, then zero.
        assertThat(ElementaryFunctions.exp(-87.34f)).isBetween(Float.MIN_VALUE, Float.MIN_NORMAL);
        assertThat(ElementaryFunctions.exp(-103.5f)).isEqualTo(Float.MIN_VALUE);
        assertThat(ElementaryFunctions.exp(-104.1f)).isZero();
    }

    @ParameterizedTest
    @ValueSource(floats = {1, -1})
    void sigmoidAndTanhAreWithinTheirBounds(float sign) {
        forFloats(sign, x -> {
            double sigmoid = 1 / (1 + StrictMath.exp(-(double) x));
            double sigmoidError = Math.abs(ElementaryFunctions.sigmoid(x) - sigmoid);
            double tanhError = Math.abs(ElementaryFunctions.tanh(x) - StrictMath.tanh(x));
            if (!(sigmoidError <= 0x1p-22 * sigmoid + Float.MIN_NORMAL) || !(tanhError <= 0x1p-23)) {
                fail("at %s sigmoid is off by %s, tanh by %s", x, sigmoidError, tanhError);
            }
        });
    }

    @Test
    void sigmoidAndTanhAreSymmetricAndStayInTheirRange() {
        forFloats(1, x -> {
            float up = ElementaryFunctions.sigmoid(x);
            float down = ElementaryFunctions.sigmoid(-x);
            float tanh = ElementaryFunctions.tanh(x);
            if (!(Math.abs((double) up + down - 1) <= 0x1p-23) || !(up >= 0.5f && up <= 1f && down >= 0f)) {
                fail("sigmoid(+-%s): %s and %s", x, up, down);
            }
            if (Float.floatToIntBits(ElementaryFunctions.tanh(-x)) != Float.floatToIntBits(-tanh) || !(tanh <= 1f)) {
                fail("tanh(+-%s): %s and %s", x, tanh, ElementaryFunctions.tanh(-x));
            }
        });
    }

    @Test
    void sigmoidAndTanhOfSpecialValues() {
        assertThat(ElementaryFunctions.sigmoid(0f)).isEqualTo(0.5f);
        assertThat(ElementaryFunctions.sigmoid(Float.POSITIVE_INFINITY)).isEqualTo(1f);
        assertThat(Float.floatToRawIntBits(ElementaryFunctions.sigmoid(Float.NEGATIVE_INFINITY)))
                .isZero();
        assertThat(ElementaryFunctions.sigmoid(Float.NaN)).isNaN();
        assertThat(Float.floatToRawIntBits(ElementaryFunctions.tanh(0f))).isZero();
        assertThat(Float.floatToRawIntBits(ElementaryFunctions.tanh(-0f))).isEqualTo(0x80000000);
        assertThat(ElementaryFunctions.tanh(Float.POSITIVE_INFINITY)).isEqualTo(1f);
        assertThat(ElementaryFunctions.tanh(Float.NEGATIVE_INFINITY)).isEqualTo(-1f);
        assertThat(ElementaryFunctions.tanh(Float.NaN)).isNaN();
    }

    @Test
    void logIsWithinOneUnitInTheLastPlace() {
        int last = Float.floatToIntBits(Float.MAX_VALUE);
        for (int bits = 1; bits > 0 && bits <= last; bits += STRIDE) {
            checkLog(Float.intBitsToFloat(bits));
        }
        // Around 1, where the result is small, and at the borders of the reduction, neighbour by neighbour.
        for (int exponent = -149; exponent < 128; exponent++) {
            for (float border : new float[] {1f, 0.70710677f}) {
                float x = Math.scalb(border, exponent);
                for (int i = -500; i <= 500; i++) {
                    float near = Float.intBitsToFloat(Float.floatToIntBits(x) + i);
                    if (near > 0) {
                        checkLog(near);
                    }
                }
            }
        }
    }

    private static void checkLog(float x) {
        double exact = StrictMath.log(x);
        float found = ElementaryFunctions.log(x);
        double error = Math.abs(found - exact) / unit(exact);
        if (!(error <= 1)) {
            fail("log(%s): expected %s, found %s, %s units off", x, exact, found, error);
        }
    }

    @Test
    void logOfSpecialValues() {
        assertThat(Float.floatToRawIntBits(ElementaryFunctions.log(1f))).isZero();
        assertThat(ElementaryFunctions.log(0f)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(ElementaryFunctions.log(-0f)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(ElementaryFunctions.log(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ElementaryFunctions.log(-Float.MIN_VALUE)).isNaN();
        assertThat(ElementaryFunctions.log(Float.NEGATIVE_INFINITY)).isNaN();
        assertThat(ElementaryFunctions.log(Float.NaN)).isNaN();
    }

    /** The bits are part of every trained model: they change on purpose or not at all. */
    @Test
    void bitsArePinned() {
        int hash = 0;
        for (float x = -104.5f; x < 89.5f; x += 0x1p-7f) {
            hash = 31 * hash + Float.floatToIntBits(ElementaryFunctions.exp(x));
            hash = 31 * hash + Float.floatToIntBits(ElementaryFunctions.sigmoid(x));
            hash = 31 * hash + Float.floatToIntBits(ElementaryFunctions.tanh(x));
        }
        assertThat(hash).isEqualTo(-753251233);
    }
}
