package dev.lockstep.ml;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.LeakCheck;
import dev.lockstep.step.Await;
import dev.lockstep.step.ExchangeQuiet;
import dev.lockstep.step.LocalCluster;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.ml.functions;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The estimator with executors that are processes of their own, in a session whose serializer takes no class that it was not
 * told of: rows that executors staged are read by others, also when one has been killed.
 */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class TwoLayerClassifierIT {
    private static final int EXECUTORS = 2;
    private static final long KILLED_AFTER_STEPS = 100;
    private static final long STEPS = 8_000;

    private static LocalCluster cluster;
    private static Dataset<Row> rows;

    @BeforeAll
    static void start() {
        cluster = new LocalCluster(EXECUTORS);
        rows = SparkSession.builder()
                .getOrCreate()
                .range(0, 1_000, 1, 5)
                .selectExpr(
                        "id % 3 label", "transform(sequence(0, 39), i -> double(hash(id, i) % 5) / 4 + id % 3) numbers")
                .withColumn("features", functions.array_to_vector(org.apache.spark.sql.functions.col("numbers")));
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    private static TwoLayerClassifier classifier() {
        return new TwoLayerClassifier().setHiddenUnits(20).setBatchSize(32).setEvaluateEvery(1 << 20);
    }

    @Test
    void aKilledExecutorChangesNoBit() {
        TwoLayerClassificationModel undisturbed =
                classifier().setIterations(STEPS).setTasks(1).fit(rows);
        FitProgress progress = new FitProgress();
        cluster.spark().sc().addSparkListener(progress);
        CompletableFuture<TwoLayerClassificationModel> fit = CompletableFuture.supplyAsync(
                () -> classifier().setIterations(STEPS).fit(rows));
        Await.until(
                () -> "steps: expected " + KILLED_AFTER_STEPS + ", found " + progress.steps(),
                () -> progress.steps() >= KILLED_AFTER_STEPS || fit.isDone());
        LocalCluster.kill(cluster.executors().get(0));
        TwoLayerClassificationModel disturbed = fit.join();
        assertThat(disturbed.summary().workersLost()).isEqualTo(1);
        assertThat(disturbed.weightsSha256()).isEqualTo(undisturbed.weightsSha256());
        assertThat(disturbed.evaluate(rows).accuracy()).isGreaterThan(0.99);
    }
}
