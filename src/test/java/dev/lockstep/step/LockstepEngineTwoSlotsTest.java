package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import java.nio.file.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The engine {@code lockstep} with few slots, from one task to many more tasks than slots, one run after the other. */
@ExtendWith(ExchangeQuiet.class)
class LockstepEngineTwoSlotsTest {
    @TempDir
    Path directory;

    @Test
    void anyNumberOfTasksGivesTheBitsOfOneProcess() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.EPOCH, 31);
        Outcome expected = Outcome.local(plan);
        try (JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[2]"))) {
            for (int tasks : new int[] {1, 2, 3, 4, 5, 7, 8, 11}) {
                try (GradientSource source = new LockstepGradientSource(spark, plan, tasks, 0)) {
                    assertThat(Outcome.of(source, plan)).as("%d tasks", tasks).isEqualTo(expected);
                    assertThat(source.counters().workersJoined()).isEqualTo(1);
                }
            }
        }
    }
}
