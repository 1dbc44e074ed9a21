package dev.lockstep.step;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Shard;
import dev.lockstep.data.Split;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.net.NumericalGradient;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.net.TwoLayerNet;
import dev.lockstep.net.Workspace;
import java.util.HashMap;
import java.util.Map;

/**
 * What one thread needs to compute parts of steps: the sampler, and room for a batch and its activations, allocated once
 * off-heap. Owned by one thread at a time.
 */
final class PartComputer implements AutoCloseable {
    /** Examples in a forward pass when scoring: more would not fit the cache. */
    private static final int SCORE_ROWS = 128;

    private final StepPlan plan;
    private final TwoLayerNet net;
    private final BatchSampler sampler;
    private final int[] examples;
    /** Of each row of the batch, its number in its shard. */
    private final int[] rows;

    private final Map<Node, SegmentTree> trees = new HashMap<>();
    private final SparseBatch batch;
    private final Workspace workspace;
    private long sampledStep = -1;
    private long preparedStep = -1;
    private SegmentTree preparedTree; // null for none
    private int touched;
    private int size;

    /** @param maxNonZeros the most non-zero pixels of an example that it will meet */
    PartComputer(StepPlan plan, int maxNonZeros) {
        int maxRows = Math.max(plan.batchSize(), SCORE_ROWS);
        this.plan = plan;
        this.net = plan.net();
        this.sampler = plan.sampler();
        this.examples = new int[plan.batchSize()];
        this.rows = new int[plan.batchSize()];
        this.batch = new SparseBatch(plan.shape().inputs(), maxRows, maxNonZeros);
        try {
            this.workspace = new Workspace(plan.shape(), maxRows);
        } catch (RuntimeException | Error e) {
            batch.close();
            throw e;
        }
    }

    /**
     * The gradient of the examples of a step's mini-batch that lie in the shards of a node.
     *
     * @param shards hold the node's shards
     * @param part of the same node; receives the gradient
     */
    void gradient(long step, Parameters weights, Node node, ShardStore shards, GradientPart part) {
        SegmentTree tree = treeOf(node);
        if (step != preparedStep || tree != preparedTree) {
            prepare(step, node, shards);
        }
        preparedTree = null; // numerical gradients and scores fill the batch anew
        part.set(batch.rows(), batch.rows() == 0 ? 0 : gradient(weights, tree, part.values()));
    }

    /**
     * Does what can be done of a step's gradient without its weights: the batch is drawn, copied and indexed. It holds until
     * anything else is asked.
     *
     * @param shards hold the node's shards
     */
    void prepare(long step, Node node, ShardStore shards) {
        SegmentTree tree = treeOf(node);
        if (step != sampledStep) {
            size = sampler.fill(step, examples);
            sampledStep = step;
        }
        chooseRows(tree, shards);
        batch.clear();
        for (int s = tree.low(); s < tree.high(); s++) {
            Shard shard = shards.train(s);
            for (int end = tree.rowEnd(s - tree.low()); batch.rows() < end; ) {
                addRow(shard, rows[batch.rows()]);
            }
        }
        batch.index();
        preparedStep = step;
        preparedTree = tree;
    }

    private SegmentTree treeOf(Node node) {
        return trees.computeIfAbsent(node, key -> new SegmentTree(key.low(), key.high()));
    }

    /** Lists the examples that lie in the shards of a node, shard by shard, ends the tree's segments, and touches all rows. */
    private void chooseRows(SegmentTree tree, ShardStore shards) {
        int count = 0;
        for (int s = tree.low(); s < tree.high(); s++) {
            Shard shard = shards.train(s);
            for (int i = 0; i < size; i++) {
                int row = examples[i] - shard.first();
                if (row >= 0 && row < shard.examples()) {
                    touched += shard.touchRow(row);
                    rows[count++] = row;
                }
            }
            tree.endSegment(s - tree.low(), count);
        }
    }

    private double gradient(Parameters weights, SegmentTree tree, Parameters out) {
        float scale = 1f / size;
        return plan.method() == GradientMethod.BACKPROP
                ? net.gradient(weights, batch, tree, scale, workspace, out)
                : new NumericalGradient(net).gradient(weights, batch, tree, scale, out);
    }

    /** The score of one shard on the examples of a split. */
    Score score(Split split, Parameters weights, ShardStore shards, int number) {
        Shard shard = split == Split.TEST ? shards.test(number) : shards.train(number);
        Score score = new Score(plan.shape().outputs());
        preparedTree = null;
        batch.clear();
        for (int row = 0; row < shard.examples(); row++) {
            if (split == Split.TEST || sampler.isHeldOut(shard.first() + row) == (split == Split.VALIDATION)) {
                addRow(shard, row);
            }
            if (batch.rows() == SCORE_ROWS || row == shard.examples() - 1) {
                net.score(weights, batch, workspace, score);
                batch.clear();
            }
        }
        return score;
    }

    private void addRow(Shard shard, int row) {
        int count = shard.copyRow(row, batch.columns(), batch.values(), batch.nonZeros());
        batch.endRow(count, shard.label(row));
    }

    @Override
    public void close() {
        batch.close();
        workspace.close();
    }
}
