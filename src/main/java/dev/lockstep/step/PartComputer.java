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

/**
 * What one thread computes alone: scores of shards, and gradients by differences. Allocated once; owned by one thread at a
 * time.
 */
final class PartComputer implements AutoCloseable {
    /** Examples in a forward pass when scoring: more would not fit the cache. */
    private static final int SCORE_ROWS = 128;

    private final StepPlan plan;
    private final TwoLayerNet net;
    private final BatchSampler sampler;
    private final int maxGroups;
    private final SparseBatch batch;
    private final Workspace workspace;

    /** @param maxGroups the most groups of pixels of an example that it will meet */
    PartComputer(StepPlan plan, int maxGroups) {
        this.plan = plan;
        this.net = plan.net();
        this.sampler = plan.sampler();
        this.maxGroups = maxGroups;
        this.batch = new SparseBatch(plan.shape().inputs(), SCORE_ROWS, maxGroups);
        try {
            this.workspace = new Workspace(plan.shape(), batch);
        } catch (RuntimeException | Error e) {
            batch.close();
            throw e;
        }
    }

    /** The most groups of pixels of an example that it has room for. */
    int maxGroups() {
        return maxGroups;
    }

    /**
     * The gradient by differences of the examples of a step's mini-batch that lie in the shards of a node.
     *
     * @param shards hold the node's shards
     * @param part of the same node; receives the gradient
     */
    void numericalGradient(long step, Parameters weights, Node node, ShardStore shards, GradientPart part) {
        int[] examples = new int[plan.batchSize()];
        int size = sampler.fill(step, examples);
        SegmentTree tree = new SegmentTree(node.low(), node.high());
        try (SparseBatch rows = new SparseBatch(plan.shape().inputs(), size, maxGroups)) {
            for (int s = node.low(); s < node.high(); s++) {
                Shard shard = shards.train(s);
                for (int i = 0; i < size; i++) {
                    int row = examples[i] - shard.first();
                    if (row >= 0 && row < shard.examples()) {
                        shard.copyRow(row, rows);
                    }
                }
                tree.endSegment(s - node.low(), rows.rows());
            }
            double loss = rows.rows() == 0
                    ? 0
                    : new NumericalGradient(net).gradient(weights, rows, tree, 1f / size, part.values());
            part.set(rows.rows(), loss);
        }
    }

    /** The score of one shard on the examples of a split. */
    Score score(Split split, Parameters weights, ShardStore shards, int number) {
        Shard shard = split == Split.TEST ? shards.test(number) : shards.train(number);
        Score score = new Score(plan.shape().outputs());
        batch.clear();
        for (int row = 0; row < shard.examples(); row++) {
            if (split == Split.TEST || sampler.isHeldOut(shard.first() + row) == (split == Split.VALIDATION)) {
                shard.copyRow(row, batch);
            }
            if (batch.rows() == SCORE_ROWS || row == shard.examples() - 1) {
                net.score(weights, batch, workspace, score);
                batch.clear();
            }
        }
        return score;
    }

    @Override
    public void close() {
        batch.close();
        workspace.close();
    }
}
