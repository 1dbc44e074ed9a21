package dev.lockstep.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Holdout;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.Await;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.LocalGradientSource;
import dev.lockstep.step.SmallSet;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class EvaluationJobTest {
    private static final long SEED = 12;
    /** Three ranges, the last of them with some examples more than whole batches. */
    private static final int EXAMPLES = 25_003;

    private static final NetworkShape SHAPE = new NetworkShape(9, 5, 3);

    @TempDir
    static Path shared;

    @TempDir
    Path directory;

    private long blocksBefore;

    @BeforeAll
    static void write() {
        IdxWriter.random(SEED, EXAMPLES, 3, 3, 3, 0.5).write(shared, LabelledImages.TEST, Storage.PLAIN);
        IdxWriter.random(SEED + 1, 10, 3, 3, 3, 0.5).write(shared, LabelledImages.TRAIN, Storage.PLAIN);
    }

    @BeforeEach
    void count() {
        blocksBefore = MemoryGauge.process().blocksInUse();
    }

    private static LabelledImages open(Path directory, String stem) {
        return LabelledImages.open(SmallSet.conf(), directory.toString(), stem);
    }

    private static Parameters weights() {
        Parameters weights = new Parameters(SHAPE);
        // So sure of themselves that losses are of all magnitudes, and their sum depends on the order of additions.
        Initializer.NORMAL.initialize(weights, 8, SEED);
        return weights;
    }

    private static List<Long> confusion(Score score) {
        List<Long> counts = new ArrayList<>();
        for (int label = 0; label < score.classes(); label++) {
            for (int prediction = 0; prediction < score.classes(); prediction++) {
                counts.add(score.count(label, prediction));
            }
        }
        return counts;
    }

    private Score run(String master, int parallelism, Loss loss, LabelledImages images) {
        try (JavaSparkContext spark = new JavaSparkContext(
                        SmallSet.spark(master).set("spark.default.parallelism", Integer.toString(parallelism)));
                Parameters weights = weights()) {
            long began = System.nanoTime();
            EvaluationJob.Evaluated evaluated =
                    EvaluationJob.run(spark, weights, Activation.RELU, loss, KernelChoice.AUTO, images);
            double seconds = (System.nanoTime() - began) / 1e9;
            Await.offHeapBlocks(blocksBefore + 1); // the weights
            // Nobody scores 25,003 examples in a microsecond; one task does nothing else, and is not the only one to
            // take time.
            assertThat(evaluated.scoringSeconds()).isBetween(1e-6, seconds);
            assertThat(evaluated.examplesPerSecond()).isBetween(EXAMPLES / seconds, EXAMPLES / 1e-6);
            // The median of three ranges: two of them take no less time a range than it says.
            assertThat(evaluated.medianExamplesPerSecond()).isBetween(EXAMPLES / 3.0 / seconds, EXAMPLES / 1e-6);
            return evaluated.score();
        }
    }

    private static Score local(Loss loss) {
        StepPlan plan = new StepPlan(
                SHAPE,
                Activation.RELU,
                loss,
                KernelChoice.AUTO,
                GradientMethod.BACKPROP,
                Sampling.EPOCH,
                4,
                SEED,
                new Holdout(10, 0, SEED),
                7,
                open(shared, LabelledImages.TRAIN),
                open(shared, LabelledImages.TEST));
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = weights()) {
            return source.score(Split.TEST, weights);
        }
    }

    @Test
    void theJobScoresWhatOneProcessScoresWithTheSameBitsForAnyParallelism() {
        LabelledImages test = open(shared, LabelledImages.TEST);
        Score one = run("local[1]", 1, Loss.CROSS_ENTROPY, test);
        Score local = local(Loss.CROSS_ENTROPY);
        assertThat(one.examples()).isEqualTo(EXAMPLES);
        assertThat(confusion(one)).isEqualTo(confusion(local)).doesNotContain(0L);
        // The shards of a training run add their losses up in other groups.
        assertThat(one.lossSum()).isCloseTo(local.lossSum(), within(1e-10 * local.lossSum()));
        for (int parallelism : new int[] {2, 3, 8}) {
            Score found = run("local[3]", parallelism, Loss.CROSS_ENTROPY, test);
            assertThat(confusion(found)).isEqualTo(confusion(one));
            assertThat(found.lossSum()).as("%d parts", parallelism).isEqualTo(one.lossSum());
        }
        Score squares = run("local[2]", 2, Loss.MSE, test);
        Score localSquares = local(Loss.MSE);
        assertThat(squares.lossSum())
                .isCloseTo(localSquares.lossSum(), within(1e-10 * localSquares.lossSum()))
                .isNotCloseTo(one.lossSum(), within(1.0));
    }

    @Test
    void damageThatATaskFindsComesOutAsOneLineWithoutRetries() throws IOException, TimeoutException {
        IdxWriter.random(SEED, EXAMPLES, 3, 3, 3, 0.5).write(directory, LabelledImages.TEST, Storage.PLAIN);
        Path labels = directory.resolve(IdxWriter.labelsName(LabelledImages.TEST));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 24_000] = 3;
        Files.write(labels, content);
        AtomicInteger ended = new AtomicInteger();
        try (JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[2]"));
                Parameters weights = weights()) {
            spark.sc().addSparkListener(new SparkListener() {
                @Override
                public void onTaskEnd(SparkListenerTaskEnd end) {
                    ended.addAndGet(end.taskInfo().successful() ? 1 : 1_000);
                }
            });
            LabelledImages test = open(directory, LabelledImages.TEST);
            Throwable thrown = catchThrowable(() ->
                    EvaluationJob.run(spark, weights, Activation.RELU, Loss.CROSS_ENTROPY, KernelChoice.AUTO, test));
            assertThat(thrown).isInstanceOf(BadInputException.class);
            assertThat(thrown.getMessage())
                    .contains(labels.toString(), "example 24000", "expected 0 to 2", "found 3")
                    .doesNotContain("\n");
            spark.sc().listenerBus().waitUntilEmpty();
            assertThat(ended.get())
                    .as("tasks, and a thousand for each that failed")
                    .isEqualTo(2);
            Await.offHeapBlocks(blocksBefore + 1); // the weights
        }
    }
}
