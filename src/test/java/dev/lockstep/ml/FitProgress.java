package dev.lockstep.ml;

import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.StageInfo;
import scala.jdk.javaapi.CollectionConverters;

/** What Spark's UI has of the training that began last, or is under way. */
final class FitProgress extends SparkListener {
    private final AtomicReference<StageInfo> stage = new AtomicReference<>();

    @Override
    public void onStageSubmitted(SparkListenerStageSubmitted event) {
        if (event.properties() != null && event.properties().getProperty("lockstep.run.id") != null) {
            stage.set(event.stageInfo());
        }
    }

    /** Number of the training's stage; -1 before it is there. */
    int stageId() {
        StageInfo info = stage.get();
        return info == null ? -1 : info.stageId();
    }

    /** How many steps it has done. */
    long steps() {
        StageInfo info = stage.get();
        return info == null
                ? 0
                : CollectionConverters.asJava(info.accumulables()).values().stream()
                        .filter(shown -> shown.name().contains("Lockstep: steps"))
                        .mapToLong(shown -> (Long) shown.value().get())
                        .max()
                        .orElse(0);
    }
}
