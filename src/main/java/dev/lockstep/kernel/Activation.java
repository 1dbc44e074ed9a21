package dev.lockstep.kernel;

/** The function h of the hidden layer in y = softmax(h(x W1 + b1) W2 + b2). */
public enum Activation {
    /** h(a) = 1 / (1 + exp(-a)), h' = h (1 - h). */
    SIGMOID,
    /** h(a) = tanh(a), h' = 1 - h^2. */
    TANH,
    /** h(a) = max(a, 0), h' = 1 where a is positive, else 0. */
    RELU
}
