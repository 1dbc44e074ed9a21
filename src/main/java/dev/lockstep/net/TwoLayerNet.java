package dev.lockstep.net;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;

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
     * The gradient of the loss by backpropagation, for the rows of a batch, added up along the tree.
     *
     * @param w the parameters
     * @param x the examples [rows, inputs] with labels
     * @param tree the segments of x's rows
     * @param scale factor of each example's gradient: 1 / (examples of the whole mini-batch)
     * @param out receives the gradient; all of it is written
     * @return the sum of the rows' losses, not scaled
     */
    public double gradient(
            Parameters w, SparseBatch x, SegmentTree tree, float scale, Workspace workspace, Parameters out) {
        int rows = x.rows();
        FloatMatrix z = workspace.hidden();
        FloatMatrix scores = workspace.scores();
        FloatMatrix delta = workspace.hiddenDelta();
        FloatArray losses = workspace.losses();
        forward(w, x, workspace);
        kernels.lossAndDelta(loss, scores, x.labels(), rows, shape.outputs(), scale, losses);
        kernels.hiddenDelta(activation, scores, rows, w.w2t(), z, delta);
        kernels.sparseGradient(x, delta, tree, out.w1());
        kernels.biasGradient(delta, tree, out.b1());
        kernels.denseGradient(scores, z, tree, out.w2t());
        kernels.biasGradient(scores, tree, out.b2());
        return tree.sum(losses::get);
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
        for (int r = 0; r < x.rows(); r++) {
            predictions[r] = largest(workspace.scores(), r);
        }
        kernels.lossAndDelta(loss, workspace.scores(), x.labels(), x.rows(), shape.outputs(), 1f, workspace.losses());
        for (int r = 0; r < x.rows(); r++) {
            score.add(x.labels().get(r), predictions[r], workspace.losses().get(r));
        }
    }

    /**
     * Probabilities of the classes.
     *
     * @param w the parameters
     * @param x the examples [rows, inputs]
     * @return a view of the workspace [at least rows, outputs padded], good until its next use
     */
    public FloatMatrix probabilities(Parameters w, SparseBatch x, Workspace workspace) {
        forward(w, x, workspace);
        kernels.softmax(workspace.scores(), x.rows(), shape.outputs());
        return workspace.scores();
    }

    private void forward(Parameters w, SparseBatch x, Workspace workspace) {
        kernels.sparseAffine(x, w.w1(), w.b1(), workspace.hidden());
        kernels.activate(activation, workspace.hidden(), x.rows(), shape.hidden());
        kernels.denseAffine(workspace.hidden(), x.rows(), w.w2t(), w.b2(), workspace.scores());
    }

    private int largest(FloatMatrix scores, int row) {
        int best = 0;
        for (int k = 1; k < shape.outputs(); k++) {
            if (scores.get(row, k) > scores.get(row, best)) {
                best = k;
            }
        }
        return best;
    }
}
