package dev.lockstep.kernel;

import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Adds up the gradients of an arena's rows, which are cut at random into waves and runs, and W1's columns into ranges: none of it may
 * change a bit.
 */
final class GradientRuns implements AutoCloseable {
    private final KernelArena arena;
    private final Random random;
    private final List<AutoCloseable> open = new ArrayList<>();

    private GradientRuns(KernelArena arena, Random random) {
        this.arena = arena;
        this.random = random;
    }

    /** Into the arena's gradients, in one run. */
    static void inOne(Kernels kernels, KernelArena arena) {
        try (GradientRuns runs = new GradientRuns(arena, new Random(1))) {
            runs.add(kernels, new int[][] {{arena.shape.rows()}});
        }
    }

    /** Into the arena's gradients, in many runs. */
    static void inMany(Kernels kernels, KernelArena arena, Random random) {
        int rows = arena.shape.rows();
        List<int[]> waves = new ArrayList<>();
        for (int row = 0; row < rows; ) {
            int wave = 1 + random.nextInt(rows - row);
            int[] ends = random.ints(1 + random.nextInt(4), row, row + wave + 1)
                    .sorted()
                    .toArray();
            row += wave;
            ends[ends.length - 1] = row;
            waves.add(ends);
        }
        try (GradientRuns runs = new GradientRuns(arena, random)) {
            runs.add(kernels, waves.toArray(int[][]::new));
        }
    }

    private void add(Kernels kernels, int[][] waves) {
        if (arena.shape.rows() == 0) {
            return;
        }
        GradientSum sum = new GradientSum(arena.shape.classes(), arena.tree.segments(), this::buffer);
        sum.addNode(arena.tree, new Gradient(arena.w1Gradient, arena.b1Gradient, arena.w2tGradient, arena.b2Gradient));
        SumScratch scratch = sum.newScratch();
        Arrays.fill(scratch.stack(), KernelArena.GARBAGE);
        KernelArena.spoil(scratch.sums());
        KernelArena.spoil(scratch.rows());
        int first = 0;
        for (int[] ends : waves) {
            int from = first;
            GradientRows[] runs = new GradientRows[ends.length];
            for (int i = 0; i < ends.length; i++) {
                runs[i] = run(kernels, from, ends[i]);
                from = ends[i];
            }
            sum.wave(first, runs, ends, ends.length);
            int groups = SparseBatch.groups(arena.shape.inputs());
            int middle = random.nextInt(groups + 1);
            kernels.sparseGradient(sum, middle, groups, scratch);
            kernels.denseGradient(sum, scratch);
            kernels.sparseGradient(sum, 0, middle, scratch);
            first = from;
        }
    }

    private GradientRows run(Kernels kernels, int from, int to) {
        SparseBatch x = new SparseBatch(arena.shape.inputs(), to - from, arena.shape.inputs());
        open.add(x);
        int firstRow = arena.batch.rowBegin(arena.shape.low());
        arena.batch.fillRows(x, firstRow + from, firstRow + to);
        GradientRows rows = new GradientRows(
                x,
                copy(arena.delta, from, to),
                copy(arena.z, from, to),
                copy(arena.scores, from, to),
                arena.shape.hidden());
        rows.set(kernels);
        return rows;
    }

    private FloatMatrix copy(FloatMatrix m, int from, int to) {
        FloatMatrix copy = matrix(to - from, m.stride());
        for (int i = 0; i < copy.data().length(); i++) {
            copy.data().set(i, m.data().get(from * m.stride() + i));
        }
        return copy;
    }

    private FloatMatrix matrix(int rows, int stride) {
        OffHeapBlock block = OffHeapBlock.allocate((long) rows * stride * Float.BYTES, "rows");
        open.add(block);
        return new FloatMatrix(block.floats(0, rows * stride), rows, stride);
    }

    private Gradient buffer() {
        int hidden = arena.w1Gradient.stride();
        Gradient buffer = new Gradient(
                matrix(arena.shape.inputs(), hidden),
                matrix(1, hidden).data(),
                matrix(arena.shape.classes(), hidden),
                matrix(1, arena.scores.stride()).data());
        buffer.w1().data().fill(KernelArena.GARBAGE);
        buffer.b1().fill(KernelArena.GARBAGE);
        buffer.w2t().data().fill(KernelArena.GARBAGE);
        buffer.b2().fill(KernelArena.GARBAGE);
        return buffer;
    }

    @Override
    public void close() {
        for (AutoCloseable resource : open) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
