package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import java.nio.file.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** An engine that cannot be started, as when the context is stopped meanwhile: nothing is left open. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class LockstepEngineStartTest {
    @TempDir
    private Path directory;

    @Test
    void aStoppedContextLeavesNothingOpen() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.EPOCH, 0);
        JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[1]"));
        spark.stop();
        assertThatThrownBy(() -> new LockstepGradientSource(spark, plan, 2, 0).close())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("stopped SparkContext");
        awaitNoThread();
    }

    /** The door is open already then. */
    @Test
    void aStageThatCannotBeStartedLeavesNothingOpen() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.EPOCH, 0);
        JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[1]"));
        int notANumberOfTasks = 0; // which Spark refuses
        try {
            assertThatThrownBy(() -> new LockstepGradientSource(spark, plan, notANumberOfTasks, 0).close())
                    .isInstanceOf(IllegalArgumentException.class);
        } finally {
            spark.stop();
        }
        awaitNoThread();
    }

    private static void awaitNoThread() {
        Await.until(
                () -> "a thread of the exchange is left",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("lockstep-")));
    }
}
