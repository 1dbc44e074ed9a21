package dev.lockstep.step;

import dev.lockstep.kernel.GradientRows;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.TwoLayerNet;
import dev.lockstep.net.Workspace;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A run of rows of a mini-batch, whose forward and backward pass one thread computes. The rows can be copied before that, by
 * the same thread or another. Each wave of each step has a serial number, ascending, for which the run is filled once and taken
 * once. Owns its memory.
 */
final class RowRun implements AutoCloseable {
    private final SparseBatch batch;
    private final Workspace workspace;
    private final AtomicLong takenFor = new AtomicLong(-1);
    private final AtomicLong fillTakenFor = new AtomicLong(-1);
    private volatile long filledFor = -1;
    private volatile Object filler; // who has it in the cache; null for nobody
    private int first;
    private int end;
    private int touched; // keeps what is read for the cache's sake

    /** @param maxRows that fit */
    RowRun(NetworkShape shape, int maxRows, int maxGroups) {
        this.batch = new SparseBatch(shape.inputs(), maxRows, maxGroups);
        try {
            this.workspace = new Workspace(shape, batch);
        } catch (RuntimeException | Error e) {
            batch.close();
            throw e;
        }
    }

    /** What the pass leaves of each row. */
    GradientRows rows() {
        return workspace.rows();
    }

    /** Says which rows of the mini-batch these are, from {@code newFirst} to before {@code newEnd}. No thread is inside. */
    void layOut(int newFirst, int newEnd) {
        first = newFirst;
        end = newEnd;
        filler = null;
    }

    /** Whether the caller is the first to take it. Any thread. */
    boolean take(long serial) {
        return take(takenFor, serial);
    }

    private static boolean take(AtomicLong takenFor, long serial) {
        long before = takenFor.get();
        return before < serial && takenFor.compareAndSet(before, serial);
    }

    /** Whether this thread has begun to copy the rows; null for nobody. */
    boolean isFilledBy(Object thread) {
        return filler == thread;
    }

    /**
     * Copies the rows, if nobody else has begun to. Any thread.
     *
     * @param from the mini-batch
     */
    void fill(long serial, Object thread, BatchRows from) {
        if (!take(fillTakenFor, serial)) {
            return;
        }
        filler = thread;
        batch.clear(end - first);
        touched = from.touch(first, end);
        for (int row = first; row < end; row++) {
            from.shard(row).copyRow(from.number(row), batch);
        }
        filledFor = serial;
    }

    /** Waits until the rows are copied. The thread that has taken it, before it does anything else. */
    void await(long serial) {
        for (int spins = 0; filledFor != serial; spins++) {
            Waiting.pause(spins);
        }
    }

    /** Has those rows of W1 fetched to the cache that the pass reads, of the groups of columns from one to before another. */
    void touchWeights(FloatMatrix w1, int fromGroup, int toGroup) {
        for (int g = fromGroup; g < toGroup; g++) {
            if (batch.begins()[g] < batch.ends()[g]) {
                int c = SparseBatch.COLUMNS * g;
                int end = Math.min(c + SparseBatch.COLUMNS, w1.rows());
                touched += w1.data().touch(c * w1.stride(), end * w1.stride());
            }
        }
    }

    /**
     * Does the forward and backward pass. The thread that has taken it.
     *
     * @param scale of each row's gradient
     * @param losses of the rows of the mini-batch, written here
     */
    void compute(TwoLayerNet net, Parameters weights, float scale, float[] losses) {
        net.backward(weights, batch, scale, workspace);
        for (int row = first; row < end; row++) {
            losses[row] = workspace.losses().get(row - first);
        }
    }

    @Override
    public void close() {
        batch.close();
        workspace.close();
    }
}
