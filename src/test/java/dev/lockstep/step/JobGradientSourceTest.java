package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine {@code job} on threads of this process: the bits of {@code local}, and nothing left behind. */
@ExtendWith(LeakCheck.class)
class JobGradientSourceTest {
    private static JavaSparkContext spark;
    private static final TaskCounts TASKS = new TaskCounts();

    @TempDir
    static Path shared;

    @TempDir
    Path directory;

    private long blocksBefore;

    /** Counts tasks that ended well and badly. */
    private static final class TaskCounts extends SparkListener {
        private final AtomicInteger ended = new AtomicInteger();
        private final AtomicInteger failed = new AtomicInteger();

        @Override
        public void onTaskEnd(SparkListenerTaskEnd end) {
            ended.incrementAndGet();
            if (!end.taskInfo().successful()) {
                failed.incrementAndGet();
            }
        }
    }

    @BeforeAll
    static void start() {
        spark = new JavaSparkContext(SmallSet.spark("local[2]"));
        spark.sc().addSparkListener(TASKS);
        SmallSet.in(shared, Storage.PLAIN);
    }

    @AfterAll
    static void stop() {
        spark.close();
    }

    @BeforeEach
    void count() {
        blocksBefore = MemoryGauge.process().blocksInUse();
        TASKS.ended.set(0);
        TASKS.failed.set(0);
    }

    /** LeakCheck looks after this. */
    @AfterEach
    void awaitDestroyedBroadcasts() {
        Await.offHeapBlocks(blocksBefore);
    }

    private static void assertSameBits(StepPlan plan, int... taskCounts) {
        Outcome expected = Outcome.local(plan);
        for (int tasks : taskCounts) {
            try (GradientSource source = new JobGradientSource(spark, plan, tasks)) {
                assertThat(Outcome.of(source, plan))
                        .as("%d tasks, %s", tasks, plan)
                        .isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 7, 8, 11})
    void anyNumberOfTasksGivesTheBitsOfOneProcess(int tasks) {
        assertSameBits(new SmallSet(shared).plan(8, 16, Sampling.REPLACEMENT, 0), tasks);
    }

    @Test
    void validationByEpochsGivesTheSameBits() {
        assertSameBits(new SmallSet(shared).plan(7, 20, Sampling.EPOCH, 31), 1, 3, 7);
    }

    @Test
    void batchesSmallerThanTheShardsGiveTheSameBits() {
        assertSameBits(new SmallSet(shared).plan(13, 2, Sampling.REPLACEMENT, 10), 1, 4, 5);
    }

    @Test
    void emptyShardsGiveTheSameBits() {
        int shards = SmallSet.TRAIN + 20;
        assertSameBits(new SmallSet(shared).plan(shards, 16, Sampling.EPOCH, 0), 2, 8);
    }

    @Test
    void numericalGradientsGiveTheSameBits() {
        assertSameBits(new SmallSet(shared).plan(5, 4, Sampling.EPOCH, 0, GradientMethod.NUMERICAL), 3);
    }

    @Test
    void scoresCountEveryExampleOnce() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 31);
        try (GradientSource source = new JobGradientSource(spark, plan, 3);
                Parameters weights = SmallSet.initial(plan)) {
            Score train = source.score(Split.TRAIN, weights);
            assertThat(train.examples()).isEqualTo(SmallSet.TRAIN - 31);
            assertThat(source.score(Split.VALIDATION, weights).examples()).isEqualTo(31);
            assertThat(source.score(Split.TEST, weights).examples()).isEqualTo(SmallSet.TEST);
            assertThat(source.engine()).isEqualTo("job");
            assertThat(source.tasks()).isEqualTo(3);
        }
    }

    @Test
    void shardsAreFreedWhenTheSourceIsClosed() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 0);
        long before = MemoryGauge.process().bytesInUse();
        try (GradientSource source = new JobGradientSource(spark, plan, 4)) {
            assertThat(MemoryGauge.process().bytesInUse() - before)
                    .isGreaterThanOrEqualTo(source.data().offHeapBytes())
                    .isPositive();
        }
        Await.offHeapBlocks(blocksBefore);
        assertThat(MemoryGauge.process().bytesInUse()).isEqualTo(before);
    }

    private void assertRefused(String... operands) throws TimeoutException {
        StepPlan plan = new SmallSet(directory).plan(8, 16, Sampling.EPOCH, 0);
        Throwable thrown = catchThrowable(() -> new JobGradientSource(spark, plan, 4).close());
        assertThat(thrown).isInstanceOf(BadInputException.class);
        assertThat(thrown.getMessage()).doesNotContain("\n").contains(operands);
        spark.sc().listenerBus().waitUntilEmpty();
        assertThat(TASKS.ended.get()).as("tasks, of which none is tried again").isEqualTo(4);
        assertThat(TASKS.failed.get()).as("failed tasks").isZero();
    }

    private static void damage(Path file, int at, int value) throws IOException {
        byte[] content = Files.readAllBytes(file);
        content[at] = (byte) value;
        Files.write(file, content);
    }

    @Test
    void aLabelOutOfRangeIsNamedWithoutRetries() throws IOException, TimeoutException {
        SmallSet.in(directory, Storage.PLAIN);
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        damage(labels, 8 + 100, 77);
        assertRefused(labels.toString(), "example 100", "expected 0 to 3", "found 77");
    }

    @Test
    void aTruncatedTestFileIsNamedWithoutRetries() throws IOException, TimeoutException {
        SmallSet.in(directory, Storage.GZIP);
        Path images = directory.resolve(IdxWriter.imagesName("t10k") + ".gz");
        byte[] whole = Files.readAllBytes(images);
        Files.write(images, Arrays.copyOf(whole, whole.length / 2));
        assertRefused(images.toString(), "expected", "found");
    }

    @Test
    void aCorruptGzipIsNamedWithoutRetries() throws IOException, TimeoutException {
        SmallSet.in(directory, Storage.GZIP);
        Path images = directory.resolve(IdxWriter.imagesName("train") + ".gz");
        damage(images, Files.readAllBytes(images).length - 6, 0x5a); // within the CRC at the end
        assertRefused(images.toString());
    }
}
