package dev.lockstep.net;

import dev.lockstep.kernel.CounterRandom;

/**
 * Initial parameters: weights from N(0, std^2), biases zero. The weight with number i in the order W1, W2 (row-major,
 * unpadded) is std times the i-th gaussian of {@link CounterRandom} for the run's seed, so it depends on nothing else.
 */
public enum Initializer {
    /** The same standard deviation for both layers, given by the caller. */
    NORMAL,
    /** Standard deviation sqrt(1 / inputs of the layer) (Glorot and Bengio 2010), for sigmoid and tanh. */
    XAVIER,
    /** Standard deviation sqrt(2 / inputs of the layer) (He and others 2015), for relu. */
    HE;

    private static final long STREAM = 1;

    /**
     * Sets all parameters.
     *
     * @param std standard deviation, for {@link #NORMAL} only
     */
    public void initialize(Parameters parameters, double std, long seed) {
        NetworkShape shape = parameters.shape();
        CounterRandom random = new CounterRandom(seed, STREAM);
        parameters.all().fill(0f);
        int first = parameters.length(ParameterTensor.W1);
        fill(parameters, ParameterTensor.W1, random, 0, deviation(std, shape.inputs()));
        fill(parameters, ParameterTensor.W2, random, first, deviation(std, shape.hidden()));
    }

    private double deviation(double std, int inputs) {
        return switch (this) {
            case NORMAL -> std;
            case XAVIER -> StrictMath.sqrt(1.0 / inputs);
            case HE -> StrictMath.sqrt(2.0 / inputs);
        };
    }

    private static void fill(Parameters p, ParameterTensor tensor, CounterRandom random, int first, double std) {
        float[] values = new float[p.length(tensor)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (std * random.gaussian(first + (long) i));
        }
        p.setValues(tensor, values);
    }
}
