package dev.lockstep.optim;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.memory.FloatArray;
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
 * Owns the velocity. One thread at a time, but for {@link #update}.
 */
public final class Optimizer implements AutoCloseable {
    private final UpdateRule rule;
    private final float momentum;
    private final float weightDecay;
    private final Kernels kernels;
    private final Optional<Parameters> velocity;
    private float learningRate;
    private Parameters gradient;
    private Parameters weights;
    private int shares;

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
        begin(learningRate, gradient, weights, 2);
        update(0);
        update(1);
    }

    /**
     * Begins what {@link #apply} does, for several threads: {@link #update} does a share of it.
     *
     * @param shares as in {@link Parameters#cut}
     */
    public void begin(float learningRate, Parameters gradient, Parameters weights, int shares) {
        this.learningRate = learningRate;
        this.gradient = gradient;
        this.weights = weights;
        this.shares = shares;
        gradient.cut(shares);
        weights.cut(shares);
        if (velocity.isPresent()) { // and no lambda, which would be an object a step
            velocity.get().cut(shares);
        }
    }

    /** Does share {@code i} of the update that was begun. Any thread that knows of it; each share is done once. */
    public void update(int i) {
        FloatArray g = gradient.share(i);
        FloatArray w = weights.share(i);
        if (weightDecay != 0) {
            if (i < shares - 1) {
                kernels.addScaled(weightDecay, w, g);
            } else { // which has the biases too
                kernels.addScaled(
                        weightDecay, weights.w2t().data(), gradient.w2t().data());
            }
        }
        if (velocity.isPresent()) {
            FloatArray v = velocity.get().share(i);
            kernels.decayAndAdd(momentum, v, -learningRate, g);
            kernels.addScaled(rule == UpdateRule.NESTEROV ? momentum : 1f, v, w);
        }
        if (rule != UpdateRule.MOMENTUM) {
            kernels.addScaled(-learningRate, g, w);
        }
    }

    /** The velocity, which a checkpoint has to keep; empty for sgd. A view: this object owns it. */
    public Optional<Parameters> velocity() {
        return velocity;
    }

    @Override
    public void close() {
        velocity.ifPresent(Parameters::close);
    }
}
