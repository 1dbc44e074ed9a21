package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;

/**
 * Where a gradient goes: views of memory that somebody else owns.
 *
 * @param w1 by the first layer's weights [inputs, hidden padded]
 * @param b1 by its biases [hidden padded]
 * @param w2t by the second layer's weights, transposed [classes, hidden padded]
 * @param b2 by its biases [classes padded]
 */
public record Gradient(FloatMatrix w1, FloatArray b1, FloatMatrix w2t, FloatArray b2) {}
