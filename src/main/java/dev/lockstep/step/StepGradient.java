package dev.lockstep.step;

import dev.lockstep.kernel.Gradient;
import dev.lockstep.kernel.GradientRows;
import dev.lockstep.kernel.GradientSum;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.kernel.SumScratch;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.TwoLayerNet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * The gradients of a process's nodes for one mini-batch, by backpropagation, computed by several threads. They take units,
 * which are numbered, in the order of the numbers; {@link #before} says what must be done first. The rows go in waves, of
 * which each thread does {@value #RUN_ROWS} rows at most, so that memory and cache hold what a wave leaves, whatever the
 * batch. A wave has three stages:
 *
 * <ol>
 *   <li>one unit draws the batch and lays out who adds what ({@link GradientSum});
 *   <li>a unit for each run of rows copies the rows and does their forward and backward pass;
 *   <li>a unit for each range of columns adds up W1's gradient, and one everything else's, and the losses.
 * </ol>
 *
 * So every element of a gradient is written once, by one thread, and no gradient of a part of the rows has to be added to
 * another. What needs no weights, the first stage and the copying, can be done before the step: {@link #prepare}.
 *
 * <p>Owns its memory. Which threads may call what, and when, stands at the methods.
 */
final class StepGradient implements AutoCloseable {
    /** Rows of a run, at most: what is read again and again of so many fits the first two levels of the cache. */
    private static final int RUN_ROWS = 128;

    /** Fewer rows are not worth another thread. */
    private static final int MIN_RUN_ROWS = 8;

    /** Ranges of columns for each thread: so many that those who come late find some left. */
    private static final int RANGES = 4;

    /** Weights of the first layer that stay in the second level of the cache beside a run of rows; of more, kernels read blocks. */
    private static final int CACHED_FLOATS = 1 << 17;

    private static final int WAVE_BITS = 24;

    /** A node's rows. */
    private final class NodeRows {
        final SegmentTree tree;
        final SegmentTree.RowValue loss = row -> losses[first() + row];
        private int first;
        private double lossSum;

        NodeRows(Node node) {
            this.tree = new SegmentTree(node.low(), node.high());
        }

        int first() {
            return first;
        }
    }

    private final StepPlan plan;
    private final TwoLayerNet net;
    private final GradientSum sum;
    private final List<Parameters> buffers = new ArrayList<>();
    private final Ranges takers;
    private final BatchRows batch;
    private final float[] losses;
    private final Map<Node, NodeRows> rowsOfNode = new HashMap<>();
    private final AtomicInteger guests = new AtomicInteger(); // threads that prepare
    private final AtomicLong drawing = new AtomicLong(-1); // the last step that a guest has begun to draw
    private RowRun[] runs = {};
    private GradientRows[] rowsOfRun = {};
    private int[] runEnd = {};
    private int maxGroups;
    private List<Node> nodes = List.of();
    private int threads;
    private volatile long drawnStep = -1; // written last
    private long draws;
    private int waves;
    private int runCount;
    private int ranges;
    private SumScratch scratch; // of who computes alone

    StepGradient(StepPlan plan) {
        this(plan, new Ranges());
    }

    /** @param takers who computes which range of columns; others may ask it too, when this does not */
    StepGradient(StepPlan plan, Ranges takers) {
        this.plan = plan;
        this.takers = takers;
        this.net = plan.net();
        this.batch = new BatchRows(plan);
        this.sum = net.newSum(plan.shards(), this::newBuffer);
        this.losses = new float[plan.batchSize()];
    }

    private Gradient newBuffer() {
        Parameters buffer = new Parameters(plan.shape());
        buffers.add(buffer);
        return buffer.asGradient();
    }

    /** Scratch for {@link #run}, for one thread. */
    SumScratch newScratch() {
        return sum.newScratch();
    }

    // --- Before the step: any thread, as long as the step before is not over ---

    /**
     * Draws and copies what the step will need.
     *
     * @param thread who copies rows; null if there is only time to draw them
     * @param isEarly whether the step has not begun; it must turn false before the first unit is taken
     */
    void prepare(
            long step,
            List<Node> ofNodes,
            ShardStore shards,
            int byThreads,
            Function<Node, GradientPart> partOf,
            Object thread,
            BooleanSupplier isEarly) {
        guests.incrementAndGet();
        try {
            if (!isEarly.getAsBoolean()) {
                return;
            }
            if (!isDrawnFor(step, ofNodes, byThreads)) {
                long before = drawing.get();
                if (before >= step || !drawing.compareAndSet(before, step)) {
                    return;
                }
                draw(step, ofNodes, shards, byThreads, partOf);
            }
            if (thread != null) {
                copyRows(thread, isEarly);
            }
        } finally {
            guests.decrementAndGet();
        }
    }

    private void copyRows(Object thread, BooleanSupplier isEarly) {
        // Looked up before isEarly is asked: to a thread that is held up then they would be those of a later step.
        RowRun[] drawn = runs;
        int count = Math.min(runCount, drawn.length);
        long serial = serial(0);
        for (int r = 0; r < count && isEarly.getAsBoolean(); r++) {
            drawn[r].fill(serial, thread, batch);
        }
    }

    private boolean isDrawnFor(long step, List<Node> ofNodes, int byThreads) {
        return drawnStep == step && threads == byThreads && nodes.equals(ofNodes);
    }

    private void draw(
            long step, List<Node> ofNodes, ShardStore shards, int byThreads, Function<Node, GradientPart> partOf) {
        drawnStep = -1;
        draws++;
        nodes = ofNodes;
        threads = byThreads;
        waves = 0;
        sum.clear();
        batch.draw(step);
        for (Node node : ofNodes) {
            NodeRows rows = rowsOfNode.computeIfAbsent(node, NodeRows::new);
            rows.first = batch.count();
            rows.lossSum = 0;
            batch.addNode(rows.tree);
            sum.addNode(rows.tree, partOf.apply(node).values().asGradient());
        }
        batch.list(shards);
        int count = batch.count();
        makeRuns(shards.maxGroups());
        int perWave = threads * RUN_ROWS;
        int wavesNeeded = (count + perWave - 1) / perWave;
        runCount = Math.min(threads, (count + MIN_RUN_ROWS - 1) / MIN_RUN_ROWS);
        ranges = runCount == 1
                ? 1
                : Math.min(RANGES * runCount, SparseBatch.groups(plan.shape().inputs()));
        waves = wavesNeeded;
        if (waves > 0) {
            layOut(0);
        }
        drawnStep = step;
    }

    private void makeRuns(int groups) {
        if (threads <= runs.length && groups <= maxGroups) {
            return;
        }
        closeRuns();
        maxGroups = Math.max(groups, maxGroups);
        runs = new RowRun[threads];
        rowsOfRun = new GradientRows[threads];
        runEnd = new int[threads];
        for (int r = 0; r < threads; r++) {
            runs[r] = new RowRun(plan.shape(), Math.min(RUN_ROWS, plan.batchSize()), maxGroups);
            rowsOfRun[r] = runs[r].rows();
        }
    }

    /** Says which rows each run of a wave has. */
    private void layOut(int wave) {
        int first = rowOfWave(wave);
        int rows = rowOfWave(wave + 1) - first;
        for (int r = 0; r < runCount; r++) {
            runEnd[r] = first + (int) ((long) rows * (r + 1) / runCount);
            runs[r].layOut(first + (int) ((long) rows * r / runCount), runEnd[r]);
        }
        sum.wave(first, rowsOfRun, runEnd, runCount);
    }

    private int rowOfWave(int wave) {
        return (int) ((long) sum.rows() * wave / waves);
    }

    private long serial(int wave) {
        return (draws << WAVE_BITS) + wave;
    }

    // --- The step: the threads that take its units ---

    /** Units of the step, at least one; known when the first one is done. */
    int units() {
        return Math.max(1, waves * unitsOfWave());
    }

    /** Ranges of columns of the step; known when its first unit is done. */
    int ranges() {
        return ranges;
    }

    private int unitsOfWave() {
        return 1 + runCount + ranges + 1;
    }

    /** How many units must be done before unit {@code unit}: that many, beginning with the first. */
    int before(int unit) {
        if (unit == 0) {
            return 0;
        }
        int wave = unit / unitsOfWave();
        int place = unit % unitsOfWave();
        int stage = place == 0 ? 0 : place <= runCount ? 1 : 1 + runCount;
        return wave * unitsOfWave() + stage;
    }

    /** The first unit: one thread, while no other does anything but to {@link #prepare}. */
    void begin(long step, List<Node> ofNodes, ShardStore shards, int byThreads, Function<Node, GradientPart> partOf) {
        for (int spins = 0; guests.get() > 0 && !isDrawnFor(step, ofNodes, byThreads); spins++) {
            Waiting.pause(spins);
        }
        if (!isDrawnFor(step, ofNodes, byThreads)) {
            waves = 0; // if drawing fails, there is nothing more to do
            draw(step, ofNodes, shards, byThreads, partOf);
        }
        takers.begin(ranges);
        drawnStep = -1; // the next step is another, even if it has the same number
    }

    /**
     * Does a unit other than the first. The units before it are done; the weights do not change meanwhile.
     *
     * @param scratch of the calling thread
     */
    void run(int unit, Parameters weights, Object thread, SumScratch scratch) {
        int wave = unit / unitsOfWave();
        int place = unit % unitsOfWave();
        if (place == 0) {
            layOut(wave);
            takers.begin(ranges);
        } else if (place <= runCount) {
            rows(choose(serial(wave), thread), serial(wave), weights, thread);
        } else if (place == 1 + runCount) {
            net.kernels().denseGradient(sum, scratch);
            if (wave == waves - 1) {
                addLosses();
            }
        } else {
            int range = takers.take(thread);
            net.kernels().sparseGradient(sum, firstGroup(range), firstGroup(range + 1), scratch);
        }
    }

    /** A run that nobody has taken: one that this thread copies, else one that nobody does; others' would be waited for. */
    private RowRun choose(long serial, Object thread) {
        RowRun run = take(serial, thread);
        if (run == null) {
            run = take(serial, null);
        }
        for (int r = 0; r < runCount && run == null; r++) {
            run = runs[r].take(serial) ? runs[r] : null;
        }
        if (run == null) {
            throw new IllegalStateException(
                    "none of " + runCount + " runs of rows is left for " + Arrays.toString(runEnd));
        }
        return run;
    }

    private RowRun take(long serial, Object filler) {
        for (int r = 0; r < runCount; r++) {
            if (runs[r].isFilledBy(filler) && runs[r].take(serial)) {
                return runs[r];
            }
        }
        return null;
    }

    private void rows(RowRun run, long serial, Parameters weights, Object thread) {
        run.fill(serial, thread, batch);
        run.await(serial);
        boolean isShared = runCount > 1 && weights.w1().data().length() <= CACHED_FLOATS;
        for (int range = 0; range < ranges && isShared; range++) {
            if (!takers.isOf(thread, range)) { // whoever computed its gradient has updated its weights, too
                run.touchWeights(weights.w1(), firstGroup(range), firstGroup(range + 1));
            }
        }
        run.compute(net, weights, 1f / batch.size(), losses);
    }

    private void addLosses() {
        for (Node node : nodes) {
            NodeRows rows = rowsOfNode.get(node);
            rows.lossSum = rows.tree.sum(rows.loss);
        }
    }

    /** Where a range of columns begins. */
    private int firstGroup(int range) {
        return SparseBatch.firstGroup(plan.shape().inputs(), range, ranges);
    }

    /** When all units are done: completes the parts that were given for the nodes. One thread. */
    void finish(Function<Node, GradientPart> partOf) {
        for (Node node : nodes) {
            NodeRows rows = rowsOfNode.get(node);
            partOf.apply(node).set(rows.tree.rows(), rows.lossSum);
        }
    }

    /**
     * The whole step, by the calling thread alone.
     *
     * @param byThreads how many are imagined, 1 unless somebody wants to see the work cut up
     */
    void alone(
            long step,
            List<Node> ofNodes,
            ShardStore shards,
            int byThreads,
            Parameters weights,
            Function<Node, GradientPart> partOf) {
        if (scratch == null) {
            scratch = newScratch();
        }
        begin(step, ofNodes, shards, byThreads, partOf);
        for (int unit = 1; unit < units(); unit++) {
            run(unit, weights, this, scratch);
        }
        finish(partOf);
    }

    private void closeRuns() {
        for (RowRun run : runs) {
            if (run != null) {
                run.close();
            }
        }
        runs = new RowRun[0];
    }

    /** Frees its memory. No thread is inside. */
    @Override
    public void close() {
        closeRuns();
        buffers.forEach(Parameters::close);
        buffers.clear();
    }
}
