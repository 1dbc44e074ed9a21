package dev.lockstep.kernel;

import java.util.Arrays;
import java.util.function.Supplier;

/**
 * How the rows of a step are added up to gradients of nodes of the reduction tree, along their {@link SegmentTree}s. The rows
 * of all nodes, one node after the other, are computed in waves, and each wave by several threads, a run of rows each. So
 * a segment may begin in one run and end in the next, or in the next wave. For every element of a gradient the additions
 * are the same whatever the runs are.
 *
 * <p>A wave is a list of operations, from the first row to the last: add the rows of a run up to a certain one to the newest
 * waiting sum, which the operation may begin; then add the two newest waiting sums, as often as the tree says; and if a
 * node is complete, put its sum out. Segments without rows are left out. What waits between two waves is kept in buffers
 * of the gradient's shape.
 *
 * <p>Built by one thread: {@link #clear}, {@link #addNode} for each node, then {@link #wave} for each wave. Meanwhile no other
 * thread uses it; afterwards any number of threads read it, each of which computes other columns with scratch of its own.
 * Nothing is allocated but, for the second wave of a step the first time, the buffers.
 */
public final class GradientSum {
    /** Floats of the sums of a group of columns that are computed at a time, at most. */
    static final int SUMS = SparseBatch.COLUMNS * GradientRows.BLOCK;

    /** What the sums of a group are before anything is added. Never written. */
    static final float[] ZEROS = new float[SUMS];

    private final int classes;
    private final Supplier<Gradient> buffers;
    private final Gradient[] waiting;
    private final int maxDepth;
    private final int[] leafEnd;
    private final int[] leafMerges;
    private final Gradient[] leafOut;
    private int leaves;
    private int rows;
    private int nextLeaf;
    private boolean isLeafBegun;
    private int depthBefore;
    private int depthAfter;
    private GradientRows[] runs = {};
    private int runCount;
    private int[] runOps = {};
    private int[] opRun = {};
    private int[] opEnd = {};
    private boolean[] opBegins = {};
    private int[] opMerges = {};
    private Gradient[] opOut = {};
    private int ops;

    /**
     * @param classes rows of the second layer's weights, transposed
     * @param shards the most segments of all nodes together
     * @param buffers makes room for a sum that waits from one wave to the next; whoever gives it owns the memory
     */
    public GradientSum(int classes, int shards, Supplier<Gradient> buffers) {
        this.classes = classes;
        this.buffers = buffers;
        // A tree over n leaves that is halved has at most ceil(log2 n) sums waiting, and the newest.
        this.maxDepth = Integer.SIZE - Integer.numberOfLeadingZeros(shards) + 1;
        this.waiting = new Gradient[maxDepth];
        this.leafEnd = new int[shards];
        this.leafMerges = new int[shards];
        this.leafOut = new Gradient[shards];
    }

    /** Scratch for one thread that computes sums. */
    public SumScratch newScratch() {
        return new SumScratch(maxDepth);
    }

    /** Forgets all nodes. */
    public void clear() {
        leaves = 0;
        rows = 0;
        nextLeaf = 0;
        isLeafBegun = false;
        depthAfter = 0;
    }

    /**
     * Adds a node, whose rows follow those of the node before. A node without rows is left out: its gradient is not written.
     *
     * @param tree its segments; not needed afterwards
     * @param out receives the gradient when the last of its rows has been added
     */
    public void addNode(SegmentTree tree, Gradient out) {
        int before = leaves;
        addLeaves(tree, 0, tree.segments());
        if (leaves > before) {
            leafOut[leaves - 1] = out;
        }
        rows += tree.rows();
    }

    /** Returns whether there are rows in these segments. */
    private boolean addLeaves(SegmentTree tree, int from, int to) {
        int begin = from == 0 ? 0 : tree.rowEnd(from - 1);
        if (tree.rowEnd(to - 1) == begin) {
            return false;
        }
        if (to - from == 1) {
            leafEnd[leaves] = rows + tree.rowEnd(from);
            leafMerges[leaves] = 0;
            leafOut[leaves] = null;
            leaves++;
            return true;
        }
        int mid = SegmentTree.middle(from + tree.low(), to + tree.low()) - tree.low();
        boolean left = addLeaves(tree, from, mid);
        boolean right = addLeaves(tree, mid, to);
        if (left && right) {
            leafMerges[leaves - 1]++;
        }
        return true;
    }

    /** Rows of all nodes. */
    public int rows() {
        return rows;
    }

    /**
     * Begins a wave: the rows from {@code first} on, which is where the wave before ended, in runs.
     *
     * @param runRows the runs, from left to right; they need not have been computed yet
     * @param runEnd one past the last row of each, counted like {@link #rows}
     * @param count how many runs
     */
    public void wave(int first, GradientRows[] runRows, int[] runEnd, int count) {
        runs = runRows;
        runCount = count;
        if (runOps.length < count) {
            runOps = new int[count];
        }
        depthBefore = depthAfter;
        int depth = depthBefore;
        ops = 0;
        int row = first;
        int run = 0;
        int runBegin = first;
        while (run < count) {
            if (row == runEnd[run]) {
                runBegin = row;
                runOps[run] = ops;
                run++;
                continue;
            }
            int leaf = nextLeaf;
            int end = Math.min(leafEnd[leaf], runEnd[run]);
            boolean isLast = end == leafEnd[leaf];
            depth += isLeafBegun ? 0 : 1;
            add(run, end - runBegin, !isLeafBegun, isLast ? leafMerges[leaf] : 0, isLast ? leafOut[leaf] : null);
            depth = isLast && leafOut[leaf] != null ? 0 : depth - (isLast ? leafMerges[leaf] : 0);
            isLeafBegun = !isLast;
            nextLeaf += isLast ? 1 : 0;
            row = end;
        }
        depthAfter = depth;
        for (int d = 0; d < depth; d++) {
            if (waiting[d] == null) {
                waiting[d] = buffers.get();
            }
        }
    }

    private void add(int run, int end, boolean begins, int merges, Gradient out) {
        if (ops == opRun.length) {
            int room = 2 * ops + leafEnd.length + runCount;
            opRun = Arrays.copyOf(opRun, room);
            opEnd = Arrays.copyOf(opEnd, room);
            opBegins = Arrays.copyOf(opBegins, room);
            opMerges = Arrays.copyOf(opMerges, room);
            opOut = Arrays.copyOf(opOut, room);
        }
        opRun[ops] = run;
        opEnd[ops] = end;
        opBegins[ops] = begins;
        opMerges[ops] = merges;
        opOut[ops] = out;
        ops++;
    }

    /** Columns of the first layer. */
    int inputs() {
        return runs[0].x().inputs();
    }

    /** Rows of the second layer's weights, transposed. */
    int classes() {
        return classes;
    }

    /** How many runs the wave has. */
    int runs() {
        return runCount;
    }

    /** A run of the wave, from left to right. */
    GradientRows rowsOfRun(int r) {
        return runs[r];
    }

    /** One past the last operation that adds rows of run r; the first is where those of the run before ended, or 0. */
    int opsEnd(int r) {
        return runOps[r];
    }

    /** Operations of the wave; at least one. */
    int ops() {
        return ops;
    }

    /** The run of whose rows operation {@code i} adds some; ascending. */
    GradientRows run(int i) {
        return runs[opRun[i]];
    }

    /** One past the last row of its run that operation {@code i} adds; the first is where the one before ended, or 0. */
    int rowEnd(int i) {
        return opEnd[i];
    }

    /** The first row of its run that operation {@code i} adds. */
    int rowBegin(int i) {
        return i == 0 || opRun[i] != opRun[i - 1] ? 0 : opEnd[i - 1];
    }

    /** Whether operation {@code i} begins a sum; otherwise it adds to the newest one. */
    boolean begins(int i) {
        return opBegins[i];
    }

    /** How many additions of the two newest waiting sums follow operation {@code i}. */
    int merges(int i) {
        return opMerges[i];
    }

    /** Where the one sum that is left after operation {@code i} goes; null if nothing is complete. */
    Gradient out(int i) {
        return opOut[i];
    }

    /** {@link #rowEnd(int)} of all operations, to be read only; there may be more elements than operations. */
    int[] rowEnd() {
        return opEnd;
    }

    /** {@link #begins(int)} of all operations, to be read only. */
    boolean[] begins() {
        return opBegins;
    }

    /** {@link #merges(int)} of all operations, to be read only. */
    int[] merges() {
        return opMerges;
    }

    /** {@link #out(int)} of all operations, to be read only. */
    Gradient[] out() {
        return opOut;
    }

    /** Sums that wait when the wave begins, oldest first. */
    int depthBefore() {
        return depthBefore;
    }

    /** Sums that wait when it ends. */
    int depthAfter() {
        return depthAfter;
    }

    /** Where a sum waits from one wave to the next: from the oldest, 0, on. */
    Gradient waiting(int depth) {
        return waiting[depth];
    }

    /** Whether nothing waits before the wave or after it. */
    boolean isWhole() {
        return depthBefore == 0 && depthAfter == 0;
    }

    /** Whether any row of the wave has an element in a group of columns. */
    boolean hasEntries(int group) {
        for (int r = 0; r < runCount; r++) {
            SparseBatch x = runs[r].x();
            if (x.begins()[group] < x.ends()[group]) {
                return true;
            }
        }
        return false;
    }

    /** Whether all deltas of the wave are finite. */
    boolean isFinite() {
        for (int r = 0; r < runCount; r++) {
            if (!runs[r].isFinite()) {
                return false;
            }
        }
        return true;
    }
}
