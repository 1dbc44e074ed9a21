package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The engine {@code lockstep} on two executors that are processes of their own, and can be killed. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class LockstepEngineIT {
    private static final int EXECUTORS = 2;
    private static final long MANY_STEPS = 1_000;
    private static final int STEP_TIMEOUT_SECONDS = 2;

    private static LocalCluster cluster;

    @TempDir
    static Path shared;

    @TempDir
    Path directory;

    private long blocksBefore;

    @BeforeAll
    static void start() {
        cluster = new LocalCluster(EXECUTORS);
        SmallSet.in(shared, Storage.PLAIN);
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void count() {
        blocksBefore = MemoryGauge.process().blocksInUse();
        cluster.awaitExecutors();
    }

    /** LeakCheck looks after this. */
    @AfterEach
    void nothingIsLeft() {
        Await.offHeapBlocks(blocksBefore);
    }

    @Test
    void executorsGiveTheBitsOfOneProcess() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 31);
        Outcome expected = Outcome.local(plan);
        for (int tasks : new int[] {1, 2, 3, 4, 8, 11}) {
            try (GradientSource source = new LockstepGradientSource(cluster.spark(), plan, tasks, 0)) {
                LocalCluster.awaitJoined(source, Math.min(tasks, EXECUTORS));
                assertThat(Outcome.of(source, plan)).as("%d tasks", tasks).isEqualTo(expected);
                assertThat(source.counters().bytesUp()).isPositive();
                assertThat(source.counters().workersLost()).isZero();
            }
        }
        StepPlan small = new SmallSet(shared).plan(13, 2, Sampling.REPLACEMENT, 0);
        try (GradientSource source = new LockstepGradientSource(cluster.spark(), small, 5, 0)) {
            assertThat(Outcome.of(source, small)).isEqualTo(Outcome.local(small));
        }
    }

    @Test
    void anExecutorKilledInTheMiddleChangesNoBitAndIsReplaced() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.REPLACEMENT, 31);
        try (GradientSource source = new LockstepGradientSource(cluster.spark(), plan, 2, 0)) {
            long[] killedAtNanos = {0};
            Outcome found = Outcome.of(source, plan, step -> {
                if (step == 7) {
                    LocalCluster.awaitJoined(source, 2);
                } else if (step == 12) {
                    LocalCluster.kill(cluster.executors().get(0));
                    killedAtNanos[0] = System.nanoTime();
                } else if (step == 13) {
                    Duration pause = Duration.ofNanos(System.nanoTime() - killedAtNanos[0]);
                    assertThat(pause).as("from the kill to the next step").isLessThan(Duration.ofSeconds(10));
                } else if (step == 20) {
                    LocalCluster.awaitJoined(source, 3);
                }
            });
            assertThat(found).isEqualTo(Outcome.local(plan));
            assertThat(source.counters().workersLost()).isEqualTo(1);
        }
    }

    private static String trained(GradientSource source, StepPlan plan, LongConsumer beforeStep) {
        try (Parameters weights = SmallSet.initial(plan)) {
            String losses = SmallSet.train(source, plan, weights, MANY_STEPS, beforeStep);
            return weights.sha256() + losses;
        }
    }

    /** The kill comes while steps go on, from a thread of its own. */
    @Test
    void anExecutorKilledDuringAStepChangesNoBit() throws InterruptedException {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 0);
        String expected;
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan)) {
            expected = trained(source, plan, step -> {});
        }
        try (GradientSource source = new LockstepGradientSource(cluster.spark(), plan, 3, 0)) {
            LocalCluster.awaitJoined(source, EXECUTORS);
            Thread killer =
                    new Thread(() -> LocalCluster.kill(cluster.executors().get(0)));
            String found = trained(source, plan, step -> {
                if (step == 100) {
                    killer.start();
                } else if (step == MANY_STEPS - 1) {
                    Await.until(() -> "nobody is lost", () -> source.counters().workersLost() == 1);
                }
            });
            killer.join();
            assertThat(found).isEqualTo(expected);
        }
    }

    /** The training thread only watches: whoever brings the last part begins the next step, and is told nothing of a loss. */
    @Test
    void anExecutorKilledWhileStepsFollowEachOtherAtOnceChangesNoBit() throws InterruptedException {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 0);
        AtomicLong steps = new AtomicLong();
        String found;
        try (Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0, plan.shape(), plan.kernels());
                Parameters weights = SmallSet.initial(plan);
                GradientSource source = new LockstepGradientSource(cluster.spark(), plan, 3, 0)) {
            LocalCluster.awaitJoined(source, EXECUTORS);
            Thread killer = new Thread(() -> {
                Await.until(() -> "steps: " + steps, () -> steps.get() >= 100);
                LocalCluster.kill(cluster.executors().get(0));
            });
            killer.start();
            int[] afterLoss = {0};
            source.steps(0, weights, gradient -> {
                source.update(optimizer, 0.1f, gradient, weights);
                steps.incrementAndGet();
                afterLoss[0] += source.counters().workersLost() == 1 ? 1 : 0;
                return afterLoss[0] < 100;
            });
            killer.join();
            found = weights.sha256();
        }
        try (Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0, plan.shape(), plan.kernels());
                Parameters weights = SmallSet.initial(plan);
                GradientSource source = new LocalGradientSource(SmallSet.conf(), plan)) {
            for (long step = 0; step < steps.get(); step++) {
                optimizer.apply(0.1f, source.gradient(step, weights).values(), weights);
            }
            assertThat(found).as("after %d steps", steps.get()).isEqualTo(weights.sha256());
        }
    }

    @Test
    void aRunGoesOnWhenAllExecutorsWereKilled() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.REPLACEMENT, 0);
        try (GradientSource source = new LockstepGradientSource(cluster.spark(), plan, 2, 0)) {
            Outcome found = Outcome.of(source, plan, step -> {
                if (step == 9) {
                    LocalCluster.awaitJoined(source, 2);
                    cluster.executors().forEach(LocalCluster::kill);
                }
            });
            assertThat(found).isEqualTo(Outcome.local(plan));
            assertThat(source.counters().workersLost()).isEqualTo(2);
        }
    }

    /** It is stopped while steps go on, and goes on itself before the end. */
    @Test
    void aStoppedExecutorIsGivenUpInTimeAndChangesNoBitWhenItWakesUp() throws Exception {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 0);
        String expected;
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan)) {
            expected = trained(source, plan, step -> {});
        }
        ExchangeSettings patient = new ExchangeSettings(0, 0, 60, STEP_TIMEOUT_SECONDS);
        try (GradientSource source =
                new LockstepGradientSource(cluster.spark(), plan, 3, patient, false, Optional.empty())) {
            LocalCluster.awaitJoined(source, EXECUTORS);
            ProcessHandle stopped = cluster.executors().get(0);
            long[] atNanos = {0, 0};
            String found = trained(source, plan, step -> {
                if (step == 100) {
                    signal(stopped, "STOP");
                    atNanos[0] = System.nanoTime();
                } else if (atNanos[1] == 0 && source.counters().workersLost() == 1) {
                    atNanos[1] = System.nanoTime();
                } else if (step == MANY_STEPS / 2) {
                    signal(stopped, "CONT");
                    LocalCluster.awaitJoined(source, EXECUTORS + 1); // its tasks are tried again
                }
            });
            Duration pause = Duration.ofNanos(atNanos[1] - atNanos[0]);
            assertThat(pause)
                    .as("from the stop to the step after")
                    .isBetween(Duration.ofSeconds(STEP_TIMEOUT_SECONDS), Duration.ofSeconds(STEP_TIMEOUT_SECONDS + 1));
            assertThat(found).isEqualTo(expected);
            assertThat(source.counters().workersLost()).isEqualTo(1);
        }
        cluster.awaitExecutors();
    }

    private static void signal(ProcessHandle process, String name) {
        try {
            LocalCluster.signal(process, name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aRunWhoseExecutorsAreGoneForTooLongSaysSo() {
        StepPlan plan = new SmallSet(shared).plan(8, 16, Sampling.EPOCH, 0);
        ExchangeSettings hasty = new ExchangeSettings(0, 0, 1, 1);
        try (GradientSource source =
                        new LockstepGradientSource(cluster.spark(), plan, 2, hasty, false, Optional.empty());
                Parameters weights = SmallSet.initial(plan)) {
            LocalCluster.awaitJoined(source, EXECUTORS);
            source.gradient(0, weights);
            List<ProcessHandle> all = cluster.executors();
            assertThat(all).hasSize(EXECUTORS);
            all.forEach(executor -> signal(executor, "STOP")); // a killed one would be replaced in a second or two
            try {
                assertThat(catchThrowable(() -> source.gradient(1, weights)))
                        .isInstanceOf(WorkersMissingException.class)
                        .hasMessageMatching(
                                "no worker for \\d s \\(--worker-timeout\\): step 1 wants shards 0 to 7; workers that"
                                        + " came: 2, lost: 2, the last: executor \\d+ on .* \\(task \\d\\.0\\): silent for .*");
            } finally {
                all.forEach(executor -> signal(executor, "CONT"));
            }
        }
    }

    @Test
    void damageThatAnExecutorFindsComesOutAsOneLine() throws IOException {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 16, Sampling.EPOCH, 0);
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 150] = 99;
        Files.write(labels, content);
        Throwable thrown = catchThrowable(() -> new LockstepGradientSource(cluster.spark(), plan, 4, 0).close());
        assertThat(thrown).isInstanceOf(BadInputException.class);
        assertThat(thrown.getMessage())
                .contains(labels.toString(), "example 150", "expected 0 to 3", "found 99")
                .doesNotContain("\n");
    }
}
