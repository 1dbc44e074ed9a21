package dev.lockstep.evaluate;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Workspace;
import org.apache.hadoop.conf.Configuration;

/**
 * The examples of a range of a set, batch by batch, in one pass over its files. A few are read at a time, so memory
 * does not grow with the range. Protocol: {@link #next}, and while it says that there is a batch, {@link #batch}, {@link #first}
 * and {@link #workspace}. One thread; it owns its off-heap memory until {@link #close}.
 */
public final class ImageBatches implements AutoCloseable {
    /** Most rows of a batch. */
    public static final int ROWS = 128;

    private final LabelledImages images;
    private final NetworkShape shape;
    private final int chunkExamples;
    private final int end;
    private final ShardReader reader;
    private int nextExample;
    private Shard chunk;
    private int row;
    private int groupsPerRow;
    private SparseBatch batch;
    private Workspace workspace;
    private int first;
    private long readNanos;
    private long fingerprint;

    /**
     * @param range examples of the set
     * @param chunkExamples examples that are held at a time
     * @param classes labels are 0 to classes - 1
     * @param shape of the network that the workspace is for
     * @throws dev.lockstep.BadInputException if a file is gone
     */
    public ImageBatches(
            Configuration conf,
            LabelledImages images,
            ShardRange range,
            int chunkExamples,
            int classes,
            NetworkShape shape) {
        this.images = images;
        this.shape = shape;
        this.chunkExamples = chunkExamples;
        this.nextExample = range.first();
        this.end = range.end();
        this.reader = ShardReader.open(conf, images, classes);
    }

    /**
     * Goes to the next batch.
     *
     * @return whether there is one
     * @throws dev.lockstep.BadInputException if a file is damaged
     */
    public boolean next() {
        if (chunk == null || row == chunk.examples()) {
            if (nextExample == end) {
                return false;
            }
            readChunk();
        }
        batch.clear();
        first = chunk.first() + row;
        while (row < chunk.examples() && batch.rows() < ROWS) {
            chunk.copyRow(row++, batch);
        }
        return true;
    }

    private void readChunk() {
        long began = System.nanoTime();
        closeChunk();
        ShardRange range = new ShardRange(nextExample, Math.min(chunkExamples, end - nextExample));
        chunk = reader.next(range);
        nextExample = range.end();
        fingerprint += chunk.fingerprint();
        row = 0;
        if (batch == null || chunk.maxGroups() > groupsPerRow) {
            closeBatch();
            groupsPerRow = chunk.maxGroups();
            batch = new SparseBatch(images.pixels(), ROWS, groupsPerRow);
            workspace = new Workspace(shape, batch);
        }
        readNanos += System.nanoTime() - began;
    }

    /** The batch, good until the next one. */
    public SparseBatch batch() {
        return batch;
    }

    /** A workspace for the batch. */
    public Workspace workspace() {
        return workspace;
    }

    /** The number in the set of the batch's first example. */
    public int first() {
        return first;
    }

    /** Of the examples read so far; of the whole range after the last batch. */
    public long fingerprint() {
        return fingerprint;
    }

    /** How long reading has taken so far. */
    long readNanos() {
        return readNanos;
    }

    @Override
    public void close() {
        closeChunk();
        closeBatch();
        reader.close();
    }

    private void closeChunk() {
        if (chunk != null) {
            chunk.close();
            chunk = null;
        }
    }

    private void closeBatch() {
        if (workspace != null) {
            workspace.close();
            workspace = null;
        }
        if (batch != null) {
            batch.close();
            batch = null;
        }
    }
}
