package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import java.nio.file.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The engine {@code job} where Spark has too little memory: shards that do not stay would be loaded anew at every step.
 * Without a check for leaks: nobody but the collector frees a worker that Spark computes and does not keep.
 */
class JobMemoryTest {
    @TempDir
    Path directory;

    @Test
    void shardsThatDoNotFitSparksMemoryAreRefused() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.EPOCH, 0);
        try (JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[2]")
                // Of these bytes six tenths are Spark's to use: room for the shards of two tasks of four.
                .set("spark.testing.memory", "12000")
                .set("spark.testing.reservedMemory", "0")
                .set("spark.storage.unrollMemoryThreshold", "1"))) {
            Throwable thrown = catchThrowable(() -> new JobGradientSource(spark, plan, 4).close());
            assertThat(thrown).isInstanceOf(BadInputException.class);
            assertThat(thrown.getMessage())
                    .containsPattern("the shards take \\d+ bytes and only [12] of 4 parts fit")
                    .contains("--driver-memory", "--executor-memory")
                    .doesNotContain("\n");
        }
    }
}
