package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.status.api.v1.StageData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import scala.jdk.javaapi.CollectionConverters;

/** What Spark's UI knows of a run. */
@ExtendWith(LeakCheck.class)
class RunProgressTest {
    @TempDir
    Path directory;

    private static Map<String, String> accumulators(JavaSparkContext spark, int stage) {
        StageData data = spark.sc().statusStore().lastStageAttempt(stage);
        Map<String, String> values = new HashMap<>();
        CollectionConverters.asJava(data.accumulatorUpdates())
                .forEach(accumulator -> values.put(accumulator.name(), accumulator.value()));
        return values;
    }

    @Test
    void theStageShowsItsProgressWhileItRunsAndAtTheEnd() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.REPLACEMENT, 0);
        try (JavaSparkContext spark =
                new JavaSparkContext(SmallSet.spark("local[2]").set("spark.executor.heartbeatInterval", "100ms"))) {
            long[] steps = {0};
            double[] lossSum = {0};
            int stage;
            try (Parameters weights = SmallSet.initial(plan);
                    GradientSource source = new LockstepGradientSource(spark, plan, 2, 0)) {
                stage = spark.statusTracker().getActiveStageIds()[0];
                assertThat(spark.sc()
                                .statusStore()
                                .lastStageAttempt(stage)
                                .description()
                                .get())
                        .startsWith("Lockstep: training 30-7-4");
                Await.until(() -> "no progress is shown after " + steps[0] + " steps", () -> {
                    lossSum[0] += source.gradient(steps[0]++, weights).lossSum();
                    return Long.parseLong(accumulators(spark, stage).getOrDefault("Lockstep: steps", "0")) > 0;
                });
            }
            Map<String, String> expected = Map.of(
                    "Lockstep: steps", Long.toString(steps[0]),
                    "Lockstep: examples", Long.toString(16 * steps[0]),
                    "Lockstep: loss, sum over examples", Double.toString(lossSum[0]));
            Await.until(
                    () -> "expected " + expected + ", found " + accumulators(spark, stage),
                    () -> accumulators(spark, stage).equals(expected));
        }
    }
}
