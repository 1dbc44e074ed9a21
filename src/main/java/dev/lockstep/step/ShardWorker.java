package dev.lockstep.step;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.data.Split;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.net.NumericalGradient;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.net.TwoLayerNet;
import dev.lockstep.net.Workspace;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * Holds a contiguous range of shards off-heap, with the batch, activations and gradients that their part of a step needs,
 * all allocated once. One thread at a time. Owns everything it holds.
 */
public final class ShardWorker implements AutoCloseable {
    /** Examples in a forward pass when scoring: more would not fit the cache. */
    private static final int SCORE_ROWS = 128;

    private final StepPlan plan;
    private final TwoLayerNet net;
    private final BatchSampler sampler;
    private final int[] examples;
    private final List<Shard> train;
    private final List<Shard> test;
    private final int firstShard;
    private final List<SegmentTree> nodes;
    private final List<GradientPart> parts = new ArrayList<>();
    private final SparseBatch batch;
    private final Workspace workspace;

    private ShardWorker(StepPlan plan, int low, int high, List<Shard> train, List<Shard> test) {
        this.plan = plan;
        this.net = plan.net();
        this.sampler = plan.sampler();
        this.examples = new int[plan.batchSize()];
        this.train = train;
        this.test = test;
        this.firstShard = low;
        this.nodes = new ReductionTree(plan.shards(), plan.kernels()).nodes(low, high);
        int rows = Math.max(plan.batchSize(), SCORE_ROWS);
        this.batch = new SparseBatch(plan.shape().inputs(), rows, Math.max(maxNonZeros(train), maxNonZeros(test)));
        this.workspace = new Workspace(plan.shape(), rows);
        for (SegmentTree node : nodes) {
            parts.add(new GradientPart(node.low(), node.high(), new Parameters(plan.shape())));
        }
    }

    /**
     * Loads shards {@code low} to {@code high} - 1 of the training and test files.
     *
     * @throws dev.lockstep.BadInputException if a file is damaged
     * @throws java.io.UncheckedIOException if the filesystem fails
     */
    public static ShardWorker load(Configuration conf, StepPlan plan, int low, int high) {
        int classes = plan.shape().outputs();
        List<ShardRange> trainRanges = ShardRange.split(plan.train().examples(), plan.shards());
        List<ShardRange> testRanges = ShardRange.split(plan.test().examples(), plan.shards());
        List<Shard> train = ShardReader.read(conf, plan.train(), trainRanges.subList(low, high), classes);
        List<Shard> test = List.of();
        try {
            test = ShardReader.read(conf, plan.test(), testRanges.subList(low, high), classes);
            return new ShardWorker(plan, low, high, train, test);
        } catch (RuntimeException | Error e) {
            train.forEach(Shard::close);
            test.forEach(Shard::close);
            throw e;
        }
    }

    private static int maxNonZeros(List<Shard> shards) {
        return shards.stream().mapToInt(Shard::maxNonZeros).max().orElse(0);
    }

    /**
     * This worker's part of a step.
     *
     * @return one part for each of its nodes of the reduction tree, owned by this worker and good until the next call
     */
    public List<GradientPart> gradient(long step, Parameters weights) {
        int size = sampler.fill(step, examples);
        for (int n = 0; n < nodes.size(); n++) {
            SegmentTree node = nodes.get(n);
            fill(node, size);
            double lossSum = 0;
            if (batch.rows() > 0) {
                Parameters out = parts.get(n).values();
                lossSum = plan.method() == GradientMethod.BACKPROP
                        ? net.gradient(weights, batch, node, 1f / size, workspace, out)
                        : new NumericalGradient(net).gradient(weights, batch, node, 1f / size, out);
            }
            parts.get(n).set(batch.rows(), lossSum);
        }
        return parts;
    }

    private void fill(SegmentTree node, int size) {
        batch.clear();
        for (int s = node.low(); s < node.high(); s++) {
            Shard shard = train.get(s - firstShard);
            for (int i = 0; i < size; i++) {
                int row = examples[i] - shard.first();
                if (row >= 0 && row < shard.examples()) {
                    addRow(shard, row);
                }
            }
            node.endSegment(s - node.low(), batch.rows());
        }
    }

    private void addRow(Shard shard, int row) {
        int count = shard.copyRow(row, batch.columns(), batch.values(), batch.nonZeros());
        batch.endRow(count, shard.label(row));
    }

    /** The score of each of its shards on the examples of a split, in the order of the shards. */
    public List<Score> score(Split split, Parameters weights) {
        List<Score> scores = new ArrayList<>();
        for (Shard shard : split == Split.TEST ? test : train) {
            Score score = new Score(plan.shape().outputs());
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
            scores.add(score);
        }
        return scores;
    }

    /** What it loaded. */
    public LoadReport report() {
        return new LoadReport(fingerprint(train), fingerprint(test), offHeapBytes());
    }

    private static long fingerprint(List<Shard> shards) {
        return shards.stream().mapToLong(Shard::fingerprint).sum();
    }

    private long offHeapBytes() {
        return train.stream().mapToLong(Shard::offHeapBytes).sum()
                + test.stream().mapToLong(Shard::offHeapBytes).sum();
    }

    @Override
    public void close() {
        train.forEach(Shard::close);
        test.forEach(Shard::close);
        parts.forEach(GradientPart::close);
        batch.close();
        workspace.close();
    }
}
