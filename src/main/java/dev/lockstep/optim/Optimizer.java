package dev.lockstep.optim;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.util.Optional;

/**
 * One update of the weights W from a gradient g with learning rate lr. Weight decay adds decay * W to the gradient of W1
 * and W2, not of the biases. Momentum and Nesterov keep a velocity v of the weights' shape, which starts at zero:
 *
 * <pre>
 *   sgd        W = W - lr g
 *   momentum   v = m v - lr g;  W = W + v
 *   nesterov   v = m v - lr g;  W = W + m v - lr g
 * </pre>
 *
 * Owns the velocity. One thread at a time.
 */
public final class Optimizer implements AutoCloseable {
    private final UpdateRule rule;
    private final float momentum;
    private final float weightDecay;
    private final Kernels kernels;
    private final Optional<Parameters> velocity;

    /**
     * @param momentum m, for momentum and nesterov
     * @param weightDecay factor of the weights that is added to their gradient; 0 for none
     */
    public Optimizer(UpdateRule rule, float momentum, float weightDecay, NetworkShape shape, Kernels kernels) {
        this.rule = rule;
        this.momentum = momentum;
        this.weightDecay = weightDecay;
        this.kernels = kernels;
        this.velocity = rule == UpdateRule.SGD ? Optional.empty() : Optional.of(new Parameters(shape));
    }

    /**
     * Updates the weights.
     *
     * @param learningRate of this step
     * @param gradient of the mean loss; weight decay is added to it in place
     * @param weights receives the new weights
     */
    public void apply(float learningRate, Parameters gradient, Parameters weights) {
        if (weightDecay != 0) {
            decay(weights.w1(), gradient.w1());
            decay(weights.w2t(), gradient.w2t());
        }
        if (velocity.isPresent()) {
            Parameters v = velocity.get();
            kernels.decayAndAdd(momentum, v.all(), -learningRate, gradient.all());
            kernels.addScaled(rule == UpdateRule.NESTEROV ? momentum : 1f, v.all(), weights.all());
        }
        if (rule != UpdateRule.MOMENTUM) {
            kernels.addScaled(-learningRate, gradient.all(), weights.all());
        }
    }

    /** The velocity, which a checkpoint has to keep; empty for sgd. A view: this object owns it. */
    public Optional<Parameters> velocity() {
        return velocity;
    }

    private void decay(FloatMatrix weights, FloatMatrix gradient) {
        kernels.addScaled(weightDecay, weights.data(), gradient.data());
    }

    @Override
    public void close() {
        velocity.ifPresent(Parameters::close);
    }
}
