package dev.lockstep.net;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Gradient;
import dev.lockstep.kernel.GradientSum;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import java.util.function.Supplier;

/**
 * The network y = softmax(h(x W1 + b1) W2 + b2) with a loss. It holds no numbers: parameters, batch and workspace come
 * with each call, so any thread may call it on objects of its own.
 *
 * @param shape sizes of the layers
 * @param activation the hidden layer's function h
 * @param loss what training makes small
 * @param kernels the arithmetic
 */
public record TwoLayerNet(NetworkShape shape, Activation activation, Loss loss, Kernels kernels) {

    /**
     * The forward and the backward pass of a batch, up to what the gradient's sums are made of, which stays in {@link
     * Workspace#rows}. The losses of the rows stay in {@link Workspace#losses}, not scaled.
     *
     * @param w the parameters
     * @param x the batch of the workspace [rows, inputs] with labels
     * @param scale factor of each example's gradient: 1 / (examples of the whole mini-batch)
     */
    public void backward(Parameters w, SparseBatch x, float scale, Workspace workspace) {
        FloatMatrix scores = workspace.scores();
        forward(w, x, workspace);
        kernels.lossAndDelta(
                loss, scores, x.labels(), x.rows(), shape.outputs(), scale, workspace.scratch(), workspace.losses());
        kernels.hiddenDelta(
                activation,
                scores,
                x.rows(),
                w.w2t(),
                workspace.hidden(),
                workspace.scratch(),
                workspace.hiddenDelta());
        workspace.rows().set(kernels);
    }

    /** How rows of this network are added up to gradients; {@code buffers} as in {@link GradientSum}. */
    public GradientSum newSum(int shards, Supplier<Gradient> buffers) {
        return new GradientSum(shape.outputs(), shards, buffers);
    }

    /**
     * Adds the rows of a batch to a score. Of equal scores the lowest class wins.
     *
     * @param w the parameters
     * @param x the examples [rows, inputs] with labels
     */
    public void score(Parameters w, SparseBatch x, Workspace workspace, Score score) {
        forward(w, x, workspace);
        int[] predictions = new int[x.rows()];
        largest(workspace.scores(), predictions, x.rows());
        kernels.lossAndDelta(
                loss,
                workspace.scores(),
                x.labels(),
                x.rows(),
                shape.outputs(),
                1f,
                workspace.scratch(),
                workspace.losses());
        for (int r = 0; r < x.rows(); r++) {
            score.add(x.labels().get(r), predictions[r], workspace.losses().get(r));
        }
    }

    /**
     * Probabilities of the classes, and the class that {@link #score} takes each row for.
     *
     * @param w the parameters
     * @param x the examples [rows, inputs]
     * @param predictions receives the class of each row [at least rows]
     * @return a view of the workspace [at least rows, outputs padded], good until its next use
     */
    public FloatMatrix predict(Parameters w, SparseBatch x, Workspace workspace, int[] predictions) {
        forward(w, x, workspace);
        // Of the scores: two that differ in their last bits may come to the same probability.
        largest(workspace.scores(), predictions, x.rows());
        kernels.softmax(workspace.scores(), x.rows(), shape.outputs());
        return workspace.scores();
    }

    private void forward(Parameters w, SparseBatch x, Workspace workspace) {
        kernels.sparseAffine(x, w.w1(), w.b1(), shape.hidden(), workspace.hidden());
        kernels.activate(activation, workspace.hidden(), x.rows(), shape.hidden());
        kernels.denseAffine(workspace.hidden(), x.rows(), w.w2t(), w.b2(), workspace.scratch(), workspace.scores());
    }

    private void largest(FloatMatrix scores, int[] classes, int rows) {
        for (int row = 0; row < rows; row++) {
            int best = 0;
            for (int k = 1; k < shape.outputs(); k++) {
                if (scores.get(row, k) > scores.get(row, best)) {
                    best = k;
                }
            }
            classes[row] = best;
        }
    }
}
