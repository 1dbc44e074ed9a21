package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/**
 * Holds a contiguous range of shards off-heap, with all that their part of a step needs, allocated once. One thread at a
 * time. Owns everything it holds, but for shards that it shares.
 */
public final class ShardWorker implements AutoCloseable {
    private final BitSet owned = new BitSet();
    private final ShardStore shards;
    private final List<Node> nodes;
    private final Map<Node, GradientPart> parts = new LinkedHashMap<>();
    private final StepPlan plan;
    private final PartComputer computer;
    private final StepGradient gradient;
    private final Runnable release;

    /**
     * @param shards to compute with
     * @param release gives them back when the worker is closed
     */
    private ShardWorker(StepPlan plan, int low, int high, ShardStore shards, Runnable release) {
        owned.set(low, high);
        shards.load(owned);
        this.shards = shards;
        this.release = release;
        this.nodes = ReductionTree.nodes(plan.shards(), owned);
        this.plan = plan;
        this.computer = new PartComputer(plan, shards.maxGroups());
        this.gradient = new StepGradient(plan);
        for (Node node : nodes) {
            parts.put(node, new GradientPart(node.low(), node.high(), new Parameters(plan.shape())));
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
            return new ShardWorker(plan, low, high, shards, shards::close);
        } catch (RuntimeException | Error e) {
            shards.close();
            throw e;
        }
    }

    /**
     * A worker with all shards of a store, which it shares with others.
     *
     * @param release called when the worker is closed, or when there is none since something failed
     */
    static ShardWorker sharing(StepPlan plan, ShardStore shards, Runnable release) {
        try {
            return new ShardWorker(plan, 0, plan.shards(), shards, release);
        } catch (RuntimeException | Error e) {
            release.run();
            throw e;
        }
    }

    /**
     * This worker's part of a step.
     *
     * @return one part for each of its nodes of the reduction tree, owned by this worker and good until the next call
     */
    public List<GradientPart> gradient(long step, Parameters weights) {
        if (plan.method() == GradientMethod.BACKPROP) {
            gradient.alone(step, nodes, shards, 1, weights, parts::get);
        } else {
            parts.forEach((node, part) -> computer.numericalGradient(step, weights, node, shards, part));
        }
        return List.copyOf(parts.values());
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
        parts.values().forEach(GradientPart::close);
        gradient.close();
        computer.close();
        release.run();
    }
}
