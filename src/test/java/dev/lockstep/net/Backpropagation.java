package dev.lockstep.net;

import dev.lockstep.kernel.GradientRows;
import dev.lockstep.kernel.GradientSum;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.kernel.SumScratch;

/** The gradient of a batch by backpropagation, in one run of rows, for tests. */
final class Backpropagation {
    private Backpropagation() {}

    /** All of {@code out} is written; returns the sum of the losses. */
    static double gradient(
            TwoLayerNet net, Parameters w, SparseBatch x, SegmentTree tree, float scale, Parameters out) {
        if (x.rows() == 0) {
            out.all().fill(0f);
            return 0;
        }
        try (Workspace workspace = new Workspace(net.shape(), x)) {
            net.backward(w, x, scale, workspace);
            GradientSum sum = net.newSum(tree.segments(), () -> null);
            SumScratch scratch = sum.newScratch();
            sum.addNode(tree, out.asGradient());
            sum.wave(0, new GradientRows[] {workspace.rows()}, new int[] {x.rows()}, 1);
            net.kernels().sparseGradient(sum, 0, SparseBatch.groups(x.inputs()), scratch);
            net.kernels().denseGradient(sum, scratch);
            return tree.sum(workspace.losses()::get);
        }
    }
}
