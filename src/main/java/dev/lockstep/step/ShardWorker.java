package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * Holds a contiguous range of shards off-heap, with all that their part of a step needs, allocated once. One thread at a
 * time. Owns everything it holds.
 */
public final class ShardWorker implements AutoCloseable {
    private final BitSet owned = new BitSet();
    private final ShardStore shards;
    private final List<Node> nodes;
    private final List<GradientPart> parts = new ArrayList<>();
    private final PartComputer computer;

    private ShardWorker(StepPlan plan, int low, int high, ShardStore shards) {
        owned.set(low, high);
        shards.load(owned);
        this.shards = shards;
        this.nodes = ReductionTree.nodes(plan.shards(), owned);
        this.computer = new PartComputer(plan, shards.maxNonZeros());
        for (Node node : nodes) {
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
        ShardStore shards = new ShardStore(conf, plan);
        try {
            return new ShardWorker(plan, low, high, shards);
        } catch (RuntimeException | Error e) {
            shards.close();
            throw e;
        }
    }

    /**
     * This worker's part of a step.
     *
     * @return one part for each of its nodes of the reduction tree, owned by this worker and good until the next call
     */
    public List<GradientPart> gradient(long step, Parameters weights) {
        for (int n = 0; n < nodes.size(); n++) {
            computer.gradient(step, weights, nodes.get(n), shards, parts.get(n));
        }
        return parts;
    }

    /** The score of each of its shards on the examples of a split, in the order of the shards. */
    public List<Score> score(Split split, Parameters weights) {
        List<Score> scores = new ArrayList<>();
        owned.stream().forEach(shard -> scores.add(computer.score(split, weights, shards, shard)));
        return scores;
    }

    /** What it loaded. */
    public LoadReport report() {
        return shards.report(owned);
    }

    @Override
    public void close() {
        parts.forEach(GradientPart::close);
        computer.close();
        shards.close();
    }
}
