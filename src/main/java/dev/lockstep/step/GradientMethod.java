package dev.lockstep.step;

/** How a worker computes the gradient of its examples. */
public enum GradientMethod {
    /** {@link dev.lockstep.net.TwoLayerNet#backward}. */
    BACKPROP,
    /** {@link dev.lockstep.net.NumericalGradient}, for tiny networks. */
    NUMERICAL
}
