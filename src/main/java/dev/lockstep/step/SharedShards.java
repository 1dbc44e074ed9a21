package dev.lockstep.step;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.Serializer;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * The shards of a data set in one process, for many trainings on the same data, of which several may be under way at a time.
 * They are loaded once, when the first training asks for them.
 *
 * <p>Made to be broadcast: what travels is empty, so each executor has one such object, loads the data for itself, and closes
 * it when Spark takes the broadcast away. A training that is still under way then keeps the shards until it ends; one that
 * comes later, as it may when Spark has dropped the object to make room, loads them again. Safe for any thread.
 */
public final class SharedShards implements AutoCloseable {
    private ShardStore shards; // null while nothing is loaded
    private StepPlan loadedFor;
    private int users;
    private boolean isClosed;

    /** Nothing is loaded. */
    private SharedShards() {}

    /** One for each process of Spark's. {@link #destroy} frees them. */
    public static Broadcast<SharedShards> broadcast(JavaSparkContext spark) {
        return spark.broadcast(new SharedShards());
    }

    /** Takes them away from every process, and waits until those that can be reached have freed theirs. */
    public static void destroy(Broadcast<SharedShards> shared) {
        shared.destroy(true);
    }

    /**
     * A source of gradients for one training, in the calling thread, as the engine {@code local} has it. Whoever gets it
     * closes it.
     *
     * @param plan on the same files, classes and shards as the plans of all others
     * @throws dev.lockstep.BadInputException if a file is damaged
     * @throws java.io.UncheckedIOException if the filesystem fails
     */
    public GradientSource open(Configuration conf, StepPlan plan) {
        ShardStore store = acquire(conf, plan);
        return new LocalGradientSource(plan, ShardWorker.sharing(plan, store, this::release));
    }

    private synchronized ShardStore acquire(Configuration conf, StepPlan plan) {
        if (shards == null) {
            shards = new ShardStore(conf, plan);
            loadedFor = plan;
        }
        if (!isSameData(plan)) {
            throw new IllegalArgumentException("shards of " + name(loadedFor) + " asked for " + name(plan));
        }
        users++;
        return shards;
    }

    private boolean isSameData(StepPlan plan) {
        return plan.train().equals(loadedFor.train())
                && plan.test().equals(loadedFor.test())
                && plan.shards() == loadedFor.shards()
                && plan.shape().outputs() == loadedFor.shape().outputs();
    }

    private static String name(StepPlan plan) {
        return plan.train().name() + ", " + plan.test().name() + ", " + plan.shards() + " shards, "
                + plan.shape().outputs() + " classes";
    }

    private synchronized void release() {
        users--;
        freeIfUnused();
    }

    private void freeIfUnused() {
        if (isClosed && users == 0 && shards != null) {
            shards.close();
            shards = null;
        }
    }

    /** Frees the shards as soon as nobody uses them. */
    @Override
    public synchronized void close() {
        isClosed = true;
        freeIfUnused();
    }

    /** Kryo form: nothing. */
    static final class Empty extends Serializer<SharedShards> {
        @Override
        public void write(Kryo kryo, Output output, SharedShards shards) {
            // Each process loads its own.
        }

        @Override
        public SharedShards read(Kryo kryo, Input input, Class<SharedShards> type) {
            return new SharedShards();
        }
    }
}
