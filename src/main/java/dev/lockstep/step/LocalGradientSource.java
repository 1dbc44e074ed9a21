package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import org.apache.hadoop.conf.Configuration;

/** The engine {@code local}: one worker with all shards in the calling thread, without Spark; what others are held against. */
public final class LocalGradientSource implements GradientSource {
    private final ShardWorker worker;
    private final int classes;

    /**
     * Loads all shards.
     *
     * @throws dev.lockstep.BadInputException if a file is damaged
     * @throws java.io.UncheckedIOException if the filesystem fails
     */
    public LocalGradientSource(Configuration conf, StepPlan plan) {
        this(plan, ShardWorker.load(conf, plan, 0, plan.shards()));
    }

    /** @param worker with all shards; closed with this object */
    LocalGradientSource(StepPlan plan, ShardWorker worker) {
        this.worker = worker;
        this.classes = plan.shape().outputs();
    }

    @Override
    public GradientPart gradient(long step, Parameters weights) {
        return worker.gradient(step, weights).get(0);
    }

    @Override
    public Score score(Split split, Parameters weights) {
        Score sum = new Score(classes);
        worker.score(split, weights).forEach(sum::add);
        return sum;
    }

    @Override
    public LoadReport data() {
        return worker.report();
    }

    @Override
    public String engine() {
        return "local";
    }

    @Override
    public int tasks() {
        return 1;
    }

    @Override
    public void close() {
        worker.close();
    }
}
