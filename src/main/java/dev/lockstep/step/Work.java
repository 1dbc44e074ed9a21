package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One order that a process carries out: to load shards, to compute gradients of nodes, or to score them. Its units are
 * taken by the threads of a {@link WorkerTeam}; the thread that ends the last one hands in the result, but if an update follows it
 * is the training thread.
 */
final class Work {
    /** What is to be done. */
    enum Kind {
        /** Load the shards, so that later orders need not wait for it. */
        LOAD,
        /** The gradient of each node for one mini-batch. */
        GRADIENT,
        /** The score of each shard. */
        SCORE,
        /** What was loaded of each shard. */
        REPORT,
        /** The update of the weights by the gradient of the work before; no order, but the training thread's own. */
        UPDATE
    }

    final Kind kind;
    final long round;
    final long step;
    final Split split;
    final List<Node> nodes;
    final Parameters weights;
    final BitSet shards;
    final AtomicInteger nextUnit = new AtomicInteger();
    final AtomicInteger unitsDone = new AtomicInteger();
    StepGradient gradient; // of a gradient by backpropagation; serves later works too
    int knownUnits = 1; // of a gradient by backpropagation, the first until that has laid out the others; of an update
    Optimizer optimizer; // of an update
    Work follows; // of an update: the gradient's work
    boolean isUpdateNext; // of a gradient: whether the training thread, which helps, updates the weights by it
    int threads; // of a gradient: how many are expected to work on it
    GradientPart[] parts; // of a gradient, when it is done: one for each of the nodes
    ShardResult[] results; // of a score or report, by shard
    volatile Throwable failure;

    private Work(Kind kind, long round, long step, Split split, List<Node> nodes, BitSet shards, Parameters weights) {
        this.kind = kind;
        this.round = round;
        this.step = step;
        this.split = split;
        this.nodes = nodes;
        this.shards = shards;
        this.weights = weights;
    }

    private static BitSet shardsOf(List<Node> nodes) {
        BitSet shards = new BitSet();
        for (Node node : nodes) {
            shards.set(node.low(), node.high());
        }
        return shards;
    }

    /**
     * How many units it has; of a gradient by backpropagation known when the first one is done. From then on it stays the
     * same: a thread may ask that was held up until the next works are under way.
     */
    int units() {
        return switch (kind) {
            case LOAD -> 1;
            case GRADIENT -> gradient == null ? nodes.size() : knownUnits;
            case UPDATE -> knownUnits;
            case SCORE, REPORT -> shards.cardinality();
        };
    }

    static Work load(List<Node> nodes) {
        return new Work(Kind.LOAD, -1, -1, null, nodes, shardsOf(nodes), null);
    }

    /** @param gradient whose ranges are updated, and all other parameters as one more */
    static Work update(Work gradient, Optimizer optimizer) {
        Work work = new Work(Kind.UPDATE, gradient.round, gradient.step, null, gradient.nodes, gradient.shards, null);
        work.follows = gradient;
        work.knownUnits = gradient.gradient.ranges() + 1; // the gradient's object serves another step soon
        work.optimizer = optimizer;
        return work;
    }

    /** @param weights not changed until the work is done */
    static Work of(Coordinator.Round round, List<Node> nodes, Parameters weights) {
        return new Work(round.kind(), round.number(), round.step(), round.split(), nodes, shardsOf(nodes), weights);
    }
}
