package dev.lockstep.net;

import static org.assertj.core.api.Assertions.fail;

import java.util.Random;

/** Parameters for tests: random ones, garbage, and their comparison. */
public final class RandomNet {
    private RandomNet() {}

    /** Weights and biases about N(0, std^2), a tenth of them zero; the caller closes them. */
    public static Parameters parameters(NetworkShape shape, double std, Random random) {
        Parameters parameters = new Parameters(shape);
        for (ParameterTensor tensor : ParameterTensor.values()) {
            float[] values = new float[parameters.length(tensor)];
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextInt(10) == 0 ? 0f : (float) (std * random.nextGaussian());
            }
            parameters.setValues(tensor, values);
        }
        return parameters;
    }

    /** A place for a gradient that holds garbage, padding included; the caller closes it. */
    public static Parameters garbage(NetworkShape shape) {
        Parameters parameters = new Parameters(shape);
        parameters.all().fill(Float.NaN);
        return parameters;
    }

    /** Asserts that two sets of parameters have the same bits, padding included. */
    public static void assertSameBits(String what, Parameters found, Parameters expected) {
        for (int i = 0; i < expected.all().length(); i++) {
            float e = expected.all().get(i);
            float f = found.all().get(i);
            if (Float.floatToRawIntBits(f) != Float.floatToRawIntBits(e)) {
                fail("%s: %s: expected %s, found %s", what, place(expected.shape(), i), e, f);
            }
        }
    }

    /** Asserts that padding is zero and no element is -0.0. */
    public static void assertCleanGradient(String what, Parameters gradient) {
        NetworkShape shape = gradient.shape();
        for (int i = 0; i < gradient.all().length(); i++) {
            int bits = Float.floatToRawIntBits(gradient.all().get(i));
            if (bits == 0x80000000 || bits != 0 && isPadding(shape, i)) {
                fail("%s: %s is %s", what, place(shape, i), gradient.all().get(i));
            }
        }
    }

    private static boolean isPadding(NetworkShape shape, int i) {
        int row = i / shape.paddedHidden();
        if (row < shape.inputs() + 1 + shape.outputs()) {
            return i % shape.paddedHidden() >= shape.hidden();
        }
        return i - (shape.inputs() + 1 + shape.outputs()) * shape.paddedHidden() >= shape.outputs();
    }

    private static String place(NetworkShape shape, int i) {
        return shape + " row " + i / shape.paddedHidden() + ", column " + i % shape.paddedHidden()
                + (isPadding(shape, i) ? " (padding)" : "");
    }
}
