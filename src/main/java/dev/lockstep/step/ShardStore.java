package dev.lockstep.step;

import dev.lockstep.data.LabelledRows;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.ToIntFunction;
import org.apache.hadoop.conf.Configuration;

/**
 * The shards that one process holds off-heap, training and test examples alike, loaded when they are first asked for, and freed
 * when they have become others'. It owns them. Loading and freeing are for one thread at a time; loaded shards may be read by any
 * number of threads that learn of them afterwards.
 */
final class ShardStore implements AutoCloseable {
    /** Twice as many as rounds after which members are thought to stay: who loses a neighbour soon has its shards still. */
    static final int KEPT_STEPS = 2 * Membership.SETTLE_ROUNDS;

    private final Configuration conf;
    private final StepPlan plan;
    private final List<ShardRange> trainRanges;
    private final List<ShardRange> testRanges;
    private final Shard[] train;
    private final Shard[] test;
    private volatile BitSet loaded = new BitSet(); // never changed, replaced
    private int stepsWithout; // the others that are loaded
    private boolean closed;

    ShardStore(Configuration conf, StepPlan plan) {
        this.conf = conf;
        this.plan = plan;
        this.trainRanges = ShardRange.split(plan.train().examples(), plan.shards());
        this.testRanges = ShardRange.split(plan.test().examples(), plan.shards());
        this.train = new Shard[plan.shards()];
        this.test = new Shard[plan.shards()];
    }

    /**
     * Loads what is not there yet, in one pass over each file.
     *
     * @throws dev.lockstep.BadInputException if a file is damaged
     * @throws java.io.UncheckedIOException if the filesystem fails
     */
    void load(BitSet wanted) {
        if (!hasLoaded(wanted)) {
            loadMissing(wanted);
        }
    }

    private synchronized void loadMissing(BitSet wanted) {
        if (closed) {
            throw new IllegalStateException("shards " + wanted + ": the store that is to load them is closed");
        }
        load(wanted, plan.train(), trainRanges, train);
        load(wanted, plan.test(), testRanges, test);
        BitSet now = (BitSet) loaded.clone();
        now.or(wanted);
        loaded = now;
    }

    private void load(BitSet wanted, LabelledRows rows, List<ShardRange> ranges, Shard[] into) {
        List<Integer> missing = new ArrayList<>();
        for (int s = wanted.nextSetBit(0); s >= 0; s = wanted.nextSetBit(s + 1)) {
            if (into[s] == null) {
                missing.add(s);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        List<ShardRange> missingRanges = missing.stream().map(ranges::get).toList();
        List<Shard> loaded = rows.read(conf, missingRanges, plan.shape().outputs());
        for (int i = 0; i < loaded.size(); i++) {
            into[missing.get(i)] = loaded.get(i);
        }
    }

    /**
     * A step is about to be computed on these shards, and on no others. Whatever else is loaded is freed when that has been
     * so {@value #KEPT_STEPS} times, one after the other. No thread reads it meanwhile.
     */
    void step(BitSet wanted) {
        load(wanted);
        if (loaded.equals(wanted)) {
            stepsWithout = 0;
        } else if (++stepsWithout > KEPT_STEPS) {
            freeOthers(wanted);
        }
    }

    private synchronized void freeOthers(BitSet wanted) {
        stepsWithout = 0;
        loaded = (BitSet) wanted.clone();
        for (int s = wanted.nextClearBit(0); s < train.length; s = wanted.nextClearBit(s + 1)) {
            close(train, s);
            close(test, s);
        }
    }

    /** Whether all of these are loaded. Any thread; does not wait for one that is loading. */
    boolean hasLoaded(BitSet wanted) {
        BitSet there = loaded;
        for (int s = wanted.nextSetBit(0); s >= 0; s = wanted.nextSetBit(s + 1)) {
            if (!there.get(s)) {
                return false;
            }
        }
        return true;
    }

    /** A loaded shard of the training examples; a view. */
    Shard train(int shard) {
        return train[shard];
    }

    /** A loaded shard of the test examples; a view. */
    Shard test(int shard) {
        return test[shard];
    }

    /** The most groups of pixels of an example in any loaded shard. */
    int maxGroups() {
        return Math.max(max(train, Shard::maxGroups), max(test, Shard::maxGroups));
    }

    private static int max(Shard[] shards, ToIntFunction<Shard> value) {
        int max = 0;
        for (Shard shard : shards) {
            max = shard == null ? max : Math.max(max, value.applyAsInt(shard));
        }
        return max;
    }

    /** What the given shards, which are loaded, hold. */
    LoadReport report(BitSet of) {
        LoadReport report = new LoadReport(0, 0, 0);
        for (int s = of.nextSetBit(0); s >= 0; s = of.nextSetBit(s + 1)) {
            report = report.plus(report(s));
        }
        return report;
    }

    /** What a shard, which is loaded, holds. */
    LoadReport report(int shard) {
        return new LoadReport(
                train[shard].fingerprint(),
                test[shard].fingerprint(),
                train[shard].offHeapBytes() + test[shard].offHeapBytes());
    }

    @Override
    public synchronized void close() {
        closed = true;
        loaded = new BitSet();
        close(train);
        close(test);
    }

    private static void close(Shard[] shards) {
        for (int s = 0; s < shards.length; s++) {
            close(shards, s);
        }
    }

    private static void close(Shard[] shards, int s) {
        if (shards[s] != null) {
            shards[s].close();
            shards[s] = null;
        }
    }
}
