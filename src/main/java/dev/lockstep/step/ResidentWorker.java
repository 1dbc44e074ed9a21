package dev.lockstep.step;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.KryoException;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.util.KnownSizeEstimation;

/**
 * A worker as an element of a cached RDD: it stays in its executor from job to job, and Spark closes it when the RDD is
 * unpersisted (Spark's memory store closes what is {@link AutoCloseable}).
 */
final class ResidentWorker implements AutoCloseable, KnownSizeEstimation {
    private final TaskOutcome<ShardWorker> worker;

    ResidentWorker(Configuration conf, StepPlan plan, int low, int high) {
        this.worker = TaskOutcome.of(() -> ShardWorker.load(conf, plan, low, high));
    }

    /**
     * The worker.
     *
     * @throws dev.lockstep.BadInputException if its files are damaged
     */
    ShardWorker worker() {
        return worker.get();
    }

    /** What it loaded, or what is wrong with its files. */
    TaskOutcome<LoadReport> report() {
        return TaskOutcome.of(() -> worker().report());
    }

    /** Bytes that Spark counts against its storage memory: without this it would see the small objects on the heap only. */
    @Override
    public long estimatedSize() {
        return worker.isBadInput() ? 0 : worker().report().offHeapBytes();
    }

    @Override
    public void close() {
        if (!worker.isBadInput()) {
            worker().close();
        }
    }

    /** Refuses: a worker does not travel. Another executor that wants it loads its shards from the files instead. */
    static final class Stays extends Serializer<ResidentWorker> {
        @Override
        public void write(Kryo kryo, Output output, ResidentWorker worker) {
            throw new KryoException("shards stay in their executor; others load them from the files");
        }

        @Override
        public ResidentWorker read(Kryo kryo, Input input, Class<ResidentWorker> type) {
            throw new KryoException("shards are never sent");
        }
    }
}
