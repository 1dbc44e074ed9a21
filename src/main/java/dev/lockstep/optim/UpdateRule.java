package dev.lockstep.optim;

/** The update rules of {@link Optimizer}, where their formulas stand. */
public enum UpdateRule {
    /** Plain stochastic gradient descent. */
    SGD,
    /** With a velocity that gathers past gradients (Polyak 1964). */
    MOMENTUM,
    /** Momentum with the gradient's look-ahead (Nesterov 1983, as rearranged by Sutskever and others 2013). */
    NESTEROV
}
