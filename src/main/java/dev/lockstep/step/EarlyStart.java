package dev.lockstep.step;

import java.util.BitSet;
import org.apache.hadoop.conf.Configuration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a process that will have workers of its own can do while Spark is still starting: it loads the shards and {@linkplain
 * Rehearsal rehearses}. A fault is not reported here: whoever needs the shards comes upon it again. Owns the shards until they
 * are taken over.
 */
public final class EarlyStart implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EarlyStart.class);

    private final ShardStore shards;
    private final Rehearsal rehearsal;
    private final Thread thread;
    private boolean isTakenOver;

    private EarlyStart(Configuration conf, StepPlan plan) {
        this.shards = new ShardStore(conf, plan);
        this.rehearsal = new Rehearsal(plan, shards, true);
        this.thread = new Thread(() -> run(plan.shards()), "lockstep-early-start");
        thread.setDaemon(true);
    }

    /** Begins in a thread of its own. */
    public static EarlyStart begin(Configuration conf, StepPlan plan) {
        EarlyStart start = new EarlyStart(conf, plan);
        start.thread.start();
        return start;
    }

    private void run(int shardCount) {
        BitSet all = new BitSet();
        all.set(0, shardCount);
        try {
            shards.load(all);
            rehearsal.run(all);
        } catch (RuntimeException e) {
            LOG.debug("the early start failed", e);
        }
    }

    Rehearsal rehearsal() {
        return rehearsal;
    }

    /** The shards, which the caller closes. */
    ShardStore takeOver() {
        isTakenOver = true;
        return shards;
    }

    /** Ends it, and frees the shards if nobody has taken them over. */
    @Override
    public void close() {
        rehearsal.stop();
        boolean isInterrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                isInterrupted = true; // it reads files, and comes to an end
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
        if (!isTakenOver) {
            shards.close();
        }
    }
}
