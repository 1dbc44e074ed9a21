package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The engine {@code job} on two executors that are processes of their own, and can be killed. */
@ExtendWith(LeakCheck.class)
class JobGradientSourceIT {
    private static final int EXECUTORS = 2;
    private static final Watcher WATCHER = new Watcher();

    private static JavaSparkContext spark;

    @TempDir
    static Path shared;

    @TempDir
    Path directory;

    private long blocksBefore;

    /** Counts lost executors, and kills one as soon as a task of a stage to come has started, if told to. */
    private static final class Watcher extends SparkListener {
        private final AtomicInteger removed = new AtomicInteger();
        private final AtomicBoolean killAtTaskStart = new AtomicBoolean();

        @Override
        public void onExecutorRemoved(SparkListenerExecutorRemoved removal) {
            removed.incrementAndGet();
        }

        @Override
        public void onTaskStart(SparkListenerTaskStart start) {
            if (killAtTaskStart.compareAndSet(true, false)) {
                kill(executors().get(0));
            }
        }
    }

    @BeforeAll
    static void start() {
        String jar = Path.of(System.getProperty("lockstep.project"), "target", "lockstep.jar")
                .toUri()
                .toString();
        spark = new JavaSparkContext(SmallSet.spark("local-cluster[" + EXECUTORS + ",1,1024]")
                .set("spark.jars", jar)
                .set("spark.executor.memory", "512m"));
        spark.sc().addSparkListener(WATCHER);
        SmallSet.in(shared, Storage.PLAIN);
        awaitExecutors();
    }

    @AfterAll
    static void stop() {
        List<ProcessHandle> left = executors();
        spark.close();
        Await.until(() -> "still there: " + left, () -> left.stream().noneMatch(ProcessHandle::isAlive));
    }

    @BeforeEach
    void count() {
        blocksBefore = MemoryGauge.process().blocksInUse();
        WATCHER.removed.set(0);
    }

    /** LeakCheck looks after this. */
    @AfterEach
    void awaitDestroyedBroadcasts() {
        Await.offHeapBlocks(blocksBefore);
    }

    /** The Java processes that Spark's workers, which live in this one, have started. */
    private static List<ProcessHandle> executors() {
        return ProcessHandle.current()
                .descendants()
                .filter(ProcessHandle::isAlive)
                .filter(process ->
                        process.info().command().map(c -> c.endsWith("java")).orElse(false))
                .toList();
    }

    private static void awaitExecutors() {
        Await.until(
                () -> "expected " + EXECUTORS + " executors, found "
                        + executors().size(),
                // The driver counts itself.
                () -> spark.sc().getExecutorMemoryStatus().size() == EXECUTORS + 1
                        && executors().size() == EXECUTORS);
    }

    /** What kill -9 does. */
    private static void kill(ProcessHandle process) {
        assertThat(process.destroyForcibly()).as("killed %s", process).isTrue();
        process.onExit().orTimeout(60, TimeUnit.SECONDS).join();
    }

    private static Outcome job(StepPlan plan, int tasks, LongConsumer beforeStep) {
        try (GradientSource source = new JobGradientSource(spark, plan, tasks)) {
            return Outcome.of(source, plan, beforeStep);
        }
    }

    @Test
    void executorsGiveTheBitsOfOneProcess() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 31);
        Outcome expected = Outcome.local(plan);
        for (int tasks : new int[] {1, 2, 3, 4, 8, 11}) {
            assertThat(job(plan, tasks, step -> {})).as("%d tasks", tasks).isEqualTo(expected);
        }
        StepPlan small = new SmallSet(shared).plan(13, 2, Sampling.REPLACEMENT, 0);
        assertThat(job(small, 5, step -> {})).isEqualTo(Outcome.local(small));
    }

    @Test
    void anExecutorKilledBetweenStepsChangesNoBit() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.REPLACEMENT, 31);
        Outcome found = job(plan, 4, step -> {
            if (step == 7) {
                kill(executors().get(0));
            }
        });
        assertThat(found).isEqualTo(Outcome.local(plan));
        awaitRemoved(1);
    }

    @Test
    void executorsKilledDuringStepsChangeNoBit() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.REPLACEMENT, 0);
        Outcome found = job(plan, 4, step -> {
            if (step == 5 || step == 20) {
                awaitExecutors();
                WATCHER.killAtTaskStart.set(true);
            }
        });
        assertThat(found).isEqualTo(Outcome.local(plan));
        awaitRemoved(2);
    }

    /** A test that killed nobody must not pass, and the next one starts with all executors. */
    private static void awaitRemoved(int expected) {
        Await.until(
                () -> "expected " + expected + " lost executors, found " + WATCHER.removed.get(),
                () -> WATCHER.removed.get() >= expected);
        awaitExecutors();
    }

    @Test
    void damageThatAnExecutorFindsComesOutAsOneLine() throws IOException {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.EPOCH, 0);
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 150] = 99;
        Files.write(labels, content);
        Throwable thrown = catchThrowable(() -> new JobGradientSource(spark, plan, 4).close());
        assertThat(thrown).isInstanceOf(BadInputException.class);
        assertThat(thrown.getMessage())
                .contains(labels.toString(), "example 150", "expected 0 to 3", "found 99")
                .doesNotContain("\n");
    }
}
