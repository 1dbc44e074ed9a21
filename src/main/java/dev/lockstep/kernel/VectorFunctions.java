package dev.lockstep.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link ElementaryFunctions} lane by lane: the same operations in the same order, so the same bits. */
final class VectorFunctions {
    private static final int MAGNITUDE = 0x7fffffff;
    private static final int EXPONENT_BIAS = 127;
    private static final int FRACTION_BITS = 23;

    private VectorFunctions() {}

    static FloatVector sigmoid(FloatVector x) {
        return all(x, 1f).div(exp(x.neg()).add(1f));
    }

    /** The activation's slope from its value z. */
    static FloatVector slope(Activation activation, FloatVector z) {
        FloatVector one = FloatVector.broadcast(z.species(), 1f);
        return switch (activation) {
            case SIGMOID -> z.mul(one.sub(z));
            case TANH -> z.neg().fma(z, one);
            case RELU -> FloatVector.zero(z.species()).blend(one, z.compare(VectorOperators.GT, 0f));
        };
    }

    static FloatVector tanh(FloatVector x) {
        FloatVector one = FloatVector.broadcast(x.species(), 1f);
        FloatVector e = exp(x.abs().mul(-2f));
        IntVector magnitude = one.sub(e).div(e.add(1f)).reinterpretAsInts().and(MAGNITUDE);
        return magnitude.or(x.reinterpretAsInts().and(~MAGNITUDE)).reinterpretAsFloats();
    }

    static FloatVector exp(FloatVector x) {
        FloatVector magic = FloatVector.broadcast(x.species(), ElementaryFunctions.ROUND_TO_INTEGER);
        FloatVector shifted = x.fma(all(x, ElementaryFunctions.LOG2_E), magic);
        FloatVector n = shifted.sub(magic);
        FloatVector r = n.fma(all(x, -ElementaryFunctions.LN2_LOW), n.fma(all(x, -ElementaryFunctions.LN2_HIGH), x));
        FloatVector p = all(x, ElementaryFunctions.P4)
                .fma(r, all(x, ElementaryFunctions.P3))
                .fma(r, all(x, ElementaryFunctions.P2))
                .fma(r, all(x, ElementaryFunctions.P1))
                .fma(r, all(x, ElementaryFunctions.P0));
        FloatVector e = p.mul(r).fma(r, r).add(1f);
        // n stands in the low bits of the shifted number; converting n would do as well, but JDK 17 does that slowly.
        IntVector exponent =
                shifted.reinterpretAsInts().sub(Float.floatToRawIntBits(ElementaryFunctions.ROUND_TO_INTEGER));
        IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
        return e.mul(powerOfTwo(half))
                .mul(powerOfTwo(exponent.sub(half)))
                .blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, ElementaryFunctions.EXP_OVERFLOW))
                .blend(0f, x.compare(VectorOperators.LT, ElementaryFunctions.EXP_UNDERFLOW));
    }

    private static FloatVector powerOfTwo(IntVector exponent) {
        return exponent.add(EXPONENT_BIAS)
                .lanewise(VectorOperators.LSHL, FRACTION_BITS)
                .reinterpretAsFloats();
    }

    private static FloatVector all(FloatVector like, float value) {
        return FloatVector.broadcast(like.species(), value);
    }
}
