package dev.lockstep.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.files.GatedFileSystem;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.step.Await;
import dev.lockstep.train.TrainingStoppedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkStageInfo;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The training of a fit belongs to its caller's jobs, as any other that a method of Spark ML begins. */
@ExtendWith(LeakCheck.class)
class FitCancellationTest {
    private static SparkSession spark;
    private static Dataset<Row> points;

    @TempDir
    static Path directory;

    private static Path gate;

    @BeforeAll
    static void start() {
        gate = directory.resolve("gate");
        spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config(Map.copyOf(GatedFileSystem.settings(gate)))
                .getOrCreate();
        points = Frames.frame(
                spark,
                List.of(
                        RowFactory.create(0.0, Vectors.dense(1, 0, 2)),
                        RowFactory.create(1.0, Vectors.dense(0, 3, 1)),
                        RowFactory.create(0.0, Vectors.dense(2, 1, 2)),
                        RowFactory.create(1.0, Vectors.dense(0, 2, 0))),
                2);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private enum By {
        GROUP,
        TAG
    }

    private static TwoLayerClassifier small() {
        return new TwoLayerClassifier()
                .setHiddenUnits(3)
                .setBatchSize(4)
                .setIterations(20)
                .setStagingDirectory("gated:" + directory);
    }

    /** What a notebook does when its user presses stop. */
    @ParameterizedTest
    @CsvSource({
        "GROUP, false, stopped after step",
        "TAG, false, stopped after step",
        "GROUP, true, stopped before the workers had loaded the data; nothing was trained",
        "TAG, true, stopped before the workers had loaded the data; nothing was trained"
    })
    void whoeverMayCancelTheCallersJobsCancelsTheTraining(By by, boolean isLoading, String message) throws Exception {
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        if (isLoading) {
            Files.createFile(gate);
        }
        FitProgress progress = new FitProgress();
        context.sc().addSparkListener(progress);
        CompletableFuture<TwoLayerClassificationModel> fit = new CompletableFuture<>();
        CompletableFuture<String> after = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            if (by == By.GROUP) {
                context.setJobGroup("stop-me", "a cell of a notebook", true);
            } else {
                context.addJobTag("stop-me");
            }
            try {
                fit.complete(small().setIterations(2_000_000_000).fit(points));
            } catch (Throwable e) {
                fit.completeExceptionally(e);
            }
            after.complete(context.getLocalProperty("spark.jobGroup.id") + " "
                    + context.getLocalProperty("spark.job.description") + " " + context.getJobTags());
        });
        caller.start();
        try {
            Await.until(
                    () -> "no training",
                    () -> fit.isDone() || (isLoading ? hasTasks(context, progress.stageId()) : progress.steps() > 0));
            assertThat(fit).isNotDone();
            if (by == By.GROUP) {
                context.cancelJobGroup("stop-me");
            } else {
                context.cancelJobsWithTag("stop-me");
            }
            Await.until(() -> "a job is left", () -> context.statusTracker().getActiveJobIds().length == 0);
            Files.deleteIfExists(gate);
            assertThat(catchThrowable(() -> fit.get(60, TimeUnit.SECONDS)))
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseInstanceOf(TrainingStoppedException.class)
                    .hasMessageContaining(message);
            assertThat(after.get(60, TimeUnit.SECONDS))
                    .isEqualTo(by == By.GROUP ? "stop-me a cell of a notebook []" : "null null [stop-me]");
        } finally {
            Files.deleteIfExists(gate);
            context.cancelAllJobs();
            caller.join(60_000);
            context.sc().removeSparkListener(progress);
        }
        assertThat(caller.isAlive()).isFalse();
        assertThat(small().fit(points)).as("with the slots that are free again").isNotNull();
    }

    private static boolean hasTasks(JavaSparkContext context, int stage) {
        SparkStageInfo info = context.statusTracker().getStageInfo(stage);
        return info != null && info.numActiveTasks() > 0;
    }
}
