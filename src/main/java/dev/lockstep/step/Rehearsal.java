package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.lang.management.ManagementFactory;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Steps of which nothing is kept, so that the JVM's compiler has done its work before the first step that counts. Until it
 * has, vectors are objects: a step takes a hundred times as long and allocates 25 MB. The steps are those of the run, but
 * of a small mini-batch and a narrow network, since what is compiled does not depend on sizes and what is not yet compiled
 * is slow. Ends when steps allocate nothing any more.
 *
 * <p>Any thread; the first one rehearses, others wait for it.
 */
final class Rehearsal {
    private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);

    private static final int MAX_BATCH_SIZE = 100;
    /** Whole blocks of a kernel and a rest, if the network's hidden layer has one. */
    private static final int BLOCK = 4 * Kernels.LANES;

    private static final int THREADS = 2; // as many runs of rows: a segment may end in the second
    private static final float LEARNING_RATE = 0.1f;
    private static final int MIN_STEPS = 100;
    private static final int QUIET_STEPS = 100; // that allocate next to nothing, one after the other
    private static final long QUIET_BYTES = 256;
    /** Of the rehearsing thread. By the clock, two seconds on a busy machine are ten steps, and nothing is compiled. */
    private static final long MAX_CPU_NANOS = 2_000_000_000L;

    private final StepPlan plan;
    private final ShardStore shards;
    private final LongSupplier cpuNanos;
    private boolean isDone;
    private volatile boolean isUnwanted;

    /**
     * @param shards that will be loaded; owned by the caller
     * @param isWanted whether there is to be any: a run of few steps gains nothing
     */
    Rehearsal(StepPlan plan, ShardStore shards, boolean isWanted) {
        this(plan, shards, isWanted, ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime);
    }

    /** @param cpuNanos how long the calling thread has had a core */
    Rehearsal(StepPlan plan, ShardStore shards, boolean isWanted, LongSupplier cpuNanos) {
        this.plan = plan;
        this.shards = shards;
        this.cpuNanos = cpuNanos;
        this.isUnwanted = !isWanted || plan.method() != GradientMethod.BACKPROP;
    }

    /**
     * Rehearses, if nobody has done so.
     *
     * @param loaded shards that are loaded
     * @return steps
     */
    synchronized int run(BitSet loaded) {
        if (isDone || isUnwanted || loaded.isEmpty()) {
            return 0;
        }
        isDone = true;
        long began = System.nanoTime();
        StepPlan small = small();
        Node node = ReductionTree.nodes(plan.shards(), loaded).get(0);
        try (StepGradient gradient = new StepGradient(small);
                Parameters weights = new Parameters(small.shape());
                GradientPart part = new GradientPart(node.low(), node.high(), new Parameters(small.shape()))) {
            Initializer.XAVIER.initialize(weights, 0, plan.seed());
            int steps = rehearse(gradient, List.of(node), weights, part);
            LOG.debug("rehearsed {} steps in {} ms", steps, (System.nanoTime() - began) / 1_000_000);
            return steps;
        }
    }

    private int rehearse(StepGradient gradient, List<Node> nodes, Parameters weights, GradientPart part) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        Kernels kernels = plan.kernels();
        Function<Node, GradientPart> partOf = node -> part;
        int step = 0;
        int quiet = 0;
        long until = cpuNanos.getAsLong() + MAX_CPU_NANOS;
        while ((step < MIN_STEPS || quiet < QUIET_STEPS) && !isUnwanted && cpuNanos.getAsLong() < until) {
            long before = threads.getCurrentThreadAllocatedBytes();
            if (step % 2 == 0) { // of a run some steps are prepared before they begin, and some are not
                gradient.prepare(step, nodes, shards, THREADS, partOf, gradient, () -> true);
            }
            gradient.alone(step, nodes, shards, THREADS, weights, partOf);
            kernels.addScaled(-LEARNING_RATE, part.values().all(), weights.all());
            kernels.add(part.values().all(), part.values().all());
            quiet = threads.getCurrentThreadAllocatedBytes() - before <= QUIET_BYTES ? quiet + 1 : 0;
            step++;
        }
        return step;
    }

    private StepPlan small() {
        NetworkShape shape = plan.shape();
        int rest = shape.paddedHidden() % BLOCK;
        int hidden = Math.min(shape.hidden(), BLOCK + rest);
        return new StepPlan(
                new NetworkShape(shape.inputs(), hidden, shape.outputs()),
                plan.activation(),
                plan.loss(),
                plan.kernel(),
                plan.method(),
                plan.sampling(),
                Math.min(plan.batchSize(), MAX_BATCH_SIZE),
                plan.seed(),
                plan.holdout(),
                plan.shards(),
                plan.train(),
                plan.test());
    }

    /** Makes an end of it soon. Any thread. */
    void stop() {
        isUnwanted = true;
    }

    /** Makes an end of it, and returns when no thread uses the shards for it any more. */
    void end() {
        stop();
        synchronized (this) {
            isDone = true; // who rehearses holds the monitor
        }
    }
}
