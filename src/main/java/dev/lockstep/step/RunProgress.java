package dev.lockstep.step;

import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.StageInfo;
import org.apache.spark.util.DoubleAccumulator;
import org.apache.spark.util.LongAccumulator;
import scala.Option;

/**
 * Named accumulators, for Spark's UI: how many steps a run has done, of how many examples the gradient was computed, and the
 * sum of those examples' losses. The driver, who sees it all, counts. Spark's UI reads accumulators of a stage when its tasks
 * end, but these tasks live as long as the run; so once a second the stage is told what it would hear from them.
 */
final class RunProgress extends SparkListener implements AutoCloseable {
    /** Property of a run's stage. Not the job group: that is its caller's, who may have several runs in one. */
    static final String RUN_ID = "lockstep.run.id";

    private static final long SHOW_NANOS = 1_000_000_000L;

    private final SparkContext spark;
    private final String runId;
    private final LongAccumulator steps;
    private final LongAccumulator examples;
    private final DoubleAccumulator loss;
    private final AtomicReference<StageInfo> stage = new AtomicReference<>();
    private long shownNanos;

    /** @param runId that the run's stage, which has not been submitted yet, will have as {@link #RUN_ID} */
    RunProgress(SparkContext spark, String runId) {
        this.spark = spark;
        this.runId = runId;
        this.steps = spark.longAccumulator("Lockstep: steps");
        this.examples = spark.longAccumulator("Lockstep: examples");
        this.loss = spark.doubleAccumulator("Lockstep: loss, sum over examples");
        spark.addSparkListener(this);
    }

    @Override
    public void onStageSubmitted(SparkListenerStageSubmitted event) {
        if (event.properties() != null && runId.equals(event.properties().getProperty(RUN_ID))) {
            // Whoever else writes to this map does so when a task ends: the places are made before, and only filled
            // later.
            show(event.stageInfo());
            stage.set(event.stageInfo());
        }
    }

    /** A step is done. One thread at a time. */
    void add(GradientPart gradient) {
        steps.add(1L);
        examples.add((long) gradient.rows());
        loss.add(gradient.lossSum());
        long now = System.nanoTime();
        if (now - shownNanos >= SHOW_NANOS) {
            shownNanos = now;
            show();
        }
    }

    private void show() {
        StageInfo info = stage.get();
        if (info != null) {
            show(info);
        }
    }

    private void show(StageInfo info) {
        show(info, steps.id(), steps.name(), steps.value());
        show(info, examples.id(), examples.name(), examples.value());
        show(info, loss.id(), loss.name(), loss.value());
    }

    private static void show(StageInfo info, long id, Option<String> name, Object value) {
        AccumulableInfo shown =
                new AccumulableInfo(id, name, Option.empty(), Option.apply(value), false, true, Option.empty());
        info.accumulables().put(id, shown);
    }

    /** Shows the last word; the stage has not ended yet, or has just. Closing it again does nothing. */
    @Override
    public void close() {
        show();
        spark.removeSparkListener(this);
    }
}
