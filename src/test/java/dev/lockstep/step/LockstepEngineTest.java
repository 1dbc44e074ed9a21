package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine {@code lockstep} on threads of this process: the bits of {@code local}, and nothing left behind. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class LockstepEngineTest {
    private static final int SLOTS = 4;
    private static final long MANY_STEPS = 3_000;

    private static JavaSparkContext spark;
    private static LockstepEngineTasks tasks;

    @TempDir
    static Path shared;

    @TempDir
    Path directory;

    private long blocksBefore;

    @BeforeAll
    static void start() {
        SmallSet.in(shared, Storage.PLAIN);
        spark = new JavaSparkContext(SmallSet.spark("local[" + SLOTS + "]"));
        tasks = new LockstepEngineTasks(spark.sc());
    }

    @AfterAll
    static void stop() {
        awaitNoThread();
        spark.close();
    }

    @BeforeEach
    void count() {
        blocksBefore = MemoryGauge.process().blocksInUse();
        tasks.killed.set(0);
        tasks.failed.set(0);
        tasks.started.set(0);
    }

    /** LeakCheck looks after this. */
    @AfterEach
    void nothingIsLeft() {
        tasks.awaitNoJob();
        Await.offHeapBlocks(blocksBefore);
    }

    /** Once for all, since Netty's threads take two seconds to say goodbye. */
    private static void awaitNoThread() {
        Await.until(
                () -> "threads are left: " + exchangeThreads(),
                () -> exchangeThreads().isEmpty());
    }

    private static List<String> exchangeThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("lockstep-"))
                .toList();
    }

    private static StepPlan plan(int shards, int batch, Sampling sampling, int validation) {
        return new SmallSet(shared).plan(shards, batch, sampling, validation);
    }

    private static Outcome lockstep(StepPlan plan, int taskCount, LongConsumer beforeStep) {
        try (GradientSource source = new LockstepGradientSource(spark, plan, taskCount, 0)) {
            return Outcome.of(source, plan, beforeStep);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 7, 8, 11})
    void anyNumberOfTasksGivesTheBitsOfOneProcess(int taskCount) {
        StepPlan plan = plan(8, 16, Sampling.REPLACEMENT, 0);
        assertThat(lockstep(plan, taskCount, step -> {})).isEqualTo(Outcome.local(plan));
        StepPlan epochs = plan(7, 20, Sampling.EPOCH, 31);
        assertThat(lockstep(epochs, taskCount, step -> {})).isEqualTo(Outcome.local(epochs));
        tasks.awaitNoJob();
        assertThat(tasks.started).as("tasks that were tried once each").hasValue(2 * taskCount);
        assertThat(tasks.failed).hasValue(0);
    }

    @Test
    void batchesSmallerThanTheShardsGiveTheSameBits() {
        StepPlan plan = plan(13, 2, Sampling.REPLACEMENT, 10);
        assertThat(lockstep(plan, 3, step -> {})).isEqualTo(Outcome.local(plan));
    }

    @Test
    void moreTasksThanShardsGiveTheSameBits() {
        for (int shards : new int[] {1, 3}) {
            StepPlan plan = plan(shards, 16, Sampling.EPOCH, 0);
            assertThat(lockstep(plan, 6, step -> {})).isEqualTo(Outcome.local(plan));
        }
    }

    @Test
    void emptyShardsGiveTheSameBits() {
        StepPlan plan = plan(SmallSet.TRAIN + 20, 16, Sampling.EPOCH, 0);
        assertThat(lockstep(plan, 3, step -> {})).isEqualTo(Outcome.local(plan));
    }

    @Test
    void numericalGradientsGiveTheSameBits() {
        StepPlan plan = new SmallSet(shared).plan(5, 4, Sampling.EPOCH, 0, GradientMethod.NUMERICAL);
        assertThat(lockstep(plan, 3, step -> {})).isEqualTo(Outcome.local(plan));
    }

    @Test
    void tasksThatComeLateChangeNoBit() {
        StepPlan plan = plan(8, 16, Sampling.EPOCH, 31);
        Outcome found = lockstep(plan, 3, step -> tasks.awaitRunning(step < 10 ? 1 : 3));
        assertThat(found).isEqualTo(Outcome.local(plan));
    }

    @Test
    void twoRunsAtOnceDoNotDisturbEachOther() throws Exception {
        StepPlan one = plan(8, 16, Sampling.EPOCH, 31);
        StepPlan two = plan(5, 24, Sampling.REPLACEMENT, 0);
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            CyclicBarrier together = new CyclicBarrier(2);
            LongConsumer inTurns = step -> {
                if (step % 5 == 0) {
                    await(together);
                    tasks.awaitRunning(SLOTS);
                    await(together);
                }
            };
            List<Callable<Outcome>> runs =
                    List.of(() -> lockstep(one, SLOTS / 2, inTurns), () -> lockstep(two, SLOTS / 2, inTurns));
            List<Outcome> outcomes = new ArrayList<>();
            for (Future<Outcome> run : pool.invokeAll(runs, 2, TimeUnit.MINUTES)) {
                outcomes.add(run.get());
            }
            assertThat(outcomes).containsExactly(Outcome.local(one), Outcome.local(two));
        } finally {
            pool.shutdownNow();
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }

    private static String trained(GradientSource source, StepPlan plan, LongConsumer beforeStep) {
        try (Parameters weights = SmallSet.initial(plan)) {
            String losses = SmallSet.train(source, plan, weights, MANY_STEPS, beforeStep);
            return weights.sha256() + losses;
        }
    }

    /** Kills come while steps go on; the process leaves the run with its last task, and comes back. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 6})
    void killedTasksChangeNoBit(int taskCount) {
        StepPlan plan = plan(8, 16, Sampling.REPLACEMENT, 31);
        String expected;
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan)) {
            expected = trained(source, plan, step -> {});
        }
        try (GradientSource source = new LockstepGradientSource(spark, plan, taskCount, 0)) {
            String found = trained(source, plan, step -> {
                if (step % 500 == 100) {
                    tasks.awaitRunning(1);
                    tasks.killAll();
                }
            });
            assertThat(found).isEqualTo(expected);
            Await.until(() -> "no task was killed", () -> tasks.killed.get() > 0);
            GradientSource.Counters counters = source.counters();
            assertThat(counters.workersJoined()).isBetween(counters.workersLost(), counters.workersLost() + 1);
            assertThat(counters.partsRefused()).isLessThan(100);
        }
        assertThat(tasks.failed).hasValue(0);
    }

    @Test
    void aRunThatIsCancelledEndsAndFreesEverything() {
        StepPlan plan = plan(8, 16, Sampling.EPOCH, 0);
        try (GradientSource source = new LockstepGradientSource(spark, plan, 2, 0);
                Parameters weights = SmallSet.initial(plan)) {
            source.gradient(0, weights);
            spark.sc().cancelAllJobs();
            Throwable thrown = catchThrowable(() -> Await.until(() -> "it goes on", () -> {
                source.gradient(1, weights);
                return false;
            }));
            assertThat(thrown).isInstanceOf(StageEndedException.class);
            assertThat(((StageEndedException) thrown).isCancelled()).isTrue();
        }
    }

    /** Spark says that a cancelled job is over while its tasks still compute. */
    @Test
    void closingARunWhoseTasksAreStillBusyWaitsForThem() {
        for (int i = 0; i < 10; i++) {
            StepPlan plan = plan(8, 16, Sampling.EPOCH, 0);
            GradientSource source = new LockstepGradientSource(spark, plan, 3, 0);
            tasks.awaitRunning(1);
            spark.sc().cancelAllJobs();
            source.close();
            Await.offHeapBlocks(blocksBefore);
        }
    }

    @Test
    void closingFreesWhatTheRunHeld() {
        long before = MemoryGauge.process().bytesInUse();
        StepPlan plan = plan(8, 16, Sampling.EPOCH, 31);
        try (GradientSource source = new LockstepGradientSource(spark, plan, 3, 0);
                Parameters weights = SmallSet.initial(plan)) {
            assertThat(MemoryGauge.process().bytesInUse() - before)
                    .isGreaterThan(source.data().offHeapBytes())
                    .isPositive();
            assertThat(source.engine()).isEqualTo("lockstep");
            assertThat(source.tasks()).isEqualTo(3);
            assertThat(source.score(Split.TEST, weights).examples()).isEqualTo(SmallSet.TEST);
            GradientSource.Counters counters = source.counters();
            assertThat(counters.workersJoined()).isEqualTo(1);
            assertThat(counters.bytesUp() + counters.bytesDown())
                    .as("bytes over sockets")
                    .isZero();
        }
        Await.offHeapBlocks(blocksBefore);
        assertThat(MemoryGauge.process().bytesInUse()).isEqualTo(before);
    }

    @Test
    void aDiskThatFailsEndsTheRunAndIsNamed() {
        StepPlan plan = plan(8, 16, Sampling.EPOCH, 0);
        spark.hadoopConfiguration().set("fs.file.impl", ExchangeClientTest.BurningDisk.class.getName());
        spark.hadoopConfiguration().setBoolean("fs.file.impl.disable.cache", true);
        try {
            assertThatExceptionOfType(StageEndedException.class)
                    .isThrownBy(() -> new LockstepGradientSource(spark, plan, 2, 0).close())
                    .withMessageContaining("the disk is on fire");
        } finally {
            spark.hadoopConfiguration().unset("fs.file.impl");
            spark.hadoopConfiguration().unset("fs.file.impl.disable.cache");
        }
        assertThat(lockstep(plan, 2, step -> {})).isEqualTo(Outcome.local(plan));
    }

    private void assertRefused(String... operands) {
        StepPlan plan = new SmallSet(directory).plan(8, 16, Sampling.EPOCH, 0);
        for (int taskCount : new int[] {1, 3, 7}) {
            Throwable thrown = catchThrowable(() -> new LockstepGradientSource(spark, plan, taskCount, 0).close());
            assertThat(thrown).isInstanceOf(BadInputException.class);
            assertThat(thrown.getMessage()).doesNotContain("\n").contains(operands);
            tasks.awaitNoJob();
            assertThat(tasks.failed).as("failed tasks").hasValue(0);
        }
    }

    @Test
    void aLabelOutOfRangeIsNamedInOneLine() throws IOException {
        SmallSet.in(directory, Storage.PLAIN);
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 100] = 77;
        Files.write(labels, content);
        assertRefused(labels.toString(), "example 100", "expected 0 to 3", "found 77");
    }

    @Test
    void aTruncatedFileIsNamedInOneLine() throws IOException {
        SmallSet.in(directory, Storage.GZIP);
        Path images = directory.resolve(IdxWriter.imagesName("t10k") + ".gz");
        byte[] whole = Files.readAllBytes(images);
        Files.write(images, Arrays.copyOf(whole, whole.length / 2));
        assertRefused(images.toString(), "expected", "found");
    }
}
