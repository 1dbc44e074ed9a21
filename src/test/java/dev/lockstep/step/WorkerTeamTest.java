package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class WorkerTeamTest {
    private static final long SEED = 8;
    private static final int SHARDS = 11;
    private static final long SPIN_NANOS = 5_000;

    @TempDir
    Path directory;

    private final Map<Node, ShardWorker> workers = new HashMap<>(); // what the team is held against
    private StepPlan plan;
    private Parameters weights;
    private long rounds;

    @BeforeEach
    void create() {
        plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 24, Sampling.REPLACEMENT, 17);
        weights = SmallSet.initial(plan);
    }

    @AfterEach
    void free() {
        weights.close();
        workers.values().forEach(ShardWorker::close);
    }

    /** A team with threads as its tasks. */
    private final class Team implements AutoCloseable {
        final BlockingQueue<Work> done = new LinkedBlockingQueue<>();
        final ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        final List<Thread> threads = new ArrayList<>();
        final List<AtomicBoolean> interruptions = new ArrayList<>();
        final WorkerTeam team;

        Team(int threadCount) {
            this(threadCount, work -> {});
        }

        Team(int threadCount, Consumer<Work> whenDone) {
            ShardStore shards = new ShardStore(SmallSet.conf(), plan);
            team = new WorkerTeam(
                    plan,
                    shards,
                    new Rehearsal(plan, shards, true),
                    work -> {
                        whenDone.accept(work);
                        done.add(work);
                    },
                    SPIN_NANOS);
            for (int i = 0; i < threadCount; i++) {
                addThread();
            }
        }

        void addThread() {
            AtomicBoolean interruption = new AtomicBoolean();
            Thread thread = new Thread(() -> {
                try {
                    team.work(interruption::get);
                } catch (Throwable e) {
                    failures.add(e);
                }
            });
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
            interruptions.add(interruption);
            // Parked: it is one of the team's tasks.
            Await.until(() -> thread + " is not at work", () -> thread.getState() == Thread.State.TIMED_WAITING);
        }

        void interrupt(int i) {
            interruptions.get(i).set(true);
        }

        void awaitEnd(int i) {
            Await.until(
                    () -> threads.get(i) + " works on", () -> !threads.get(i).isAlive());
        }

        Work await() throws InterruptedException {
            Work work = done.poll(60, TimeUnit.SECONDS);
            assertThat(failures).isEmpty();
            assertThat(work).as("work that is done in time").isNotNull();
            return work;
        }

        @Override
        public void close() {
            team.end();
            team.close();
            for (int i = 0; i < threads.size(); i++) {
                awaitEnd(i);
            }
            assertThat(failures).isEmpty();
        }
    }

    private Work work(Work.Kind kind, long step, Split split, List<Node> nodes) {
        return Work.of(new Coordinator.Round(rounds++, kind, step, split, weights), nodes, weights);
    }

    private Work gradient(long step, List<Node> nodes) {
        return work(Work.Kind.GRADIENT, step, null, nodes);
    }

    /** As the driver's: the training thread helps with it, and updates the weights by it. */
    private Work gradientBeforeUpdate(long step) {
        Work work = gradient(step, List.of(new Node(0, SHARDS)));
        work.isUpdateNext = true;
        return work;
    }

    private void assertGradients(String what, Work work) {
        assertThat(work.failure).as(what).isNull();
        for (int i = 0; i < work.nodes.size(); i++) {
            Node node = work.nodes.get(i);
            List<GradientPart> parts = workers.computeIfAbsent(
                            node, key -> ShardWorker.load(SmallSet.conf(), plan, key.low(), key.high()))
                    .gradient(work.step, weights);
            assertThat(parts).as("%s: %s is a node of the tree", what, node).hasSize(1);
            GradientPart expected = parts.get(0);
            GradientPart found = work.parts[i];
            assertThat(found.rows()).as("%s: %s", what, node).isEqualTo(expected.rows());
            assertThat(found.lossSum()).as("%s: %s", what, node).isEqualTo(expected.lossSum());
            if (expected.rows() > 0) {
                assertThat(found.values().sha256())
                        .as("%s: %s", what, node)
                        .isEqualTo(expected.values().sha256());
            }
        }
    }

    private static List<Node> randomNodes(Random random) {
        BitSet owned = new BitSet();
        while (owned.isEmpty()) {
            for (int s = 0; s < SHARDS; s++) {
                owned.set(s, random.nextInt(3) > 0);
            }
        }
        return ReductionTree.nodes(SHARDS, owned);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5})
    void anyNumberOfThreadsGivesTheBitsOfOneWorker(int threads) throws InterruptedException {
        Random random = new Random(SEED + threads);
        try (Team team = new Team(threads)) {
            team.team.submit(Work.load(List.of(new Node(0, 5))), false);
            assertThat(team.await().kind).isEqualTo(Work.Kind.LOAD);
            for (int i = 0; i < 25; i++) {
                boolean isWhole = random.nextInt(3) == 0;
                List<Node> nodes = isWhole ? List.of(new Node(0, SHARDS)) : randomNodes(random);
                Work work = gradient(i / 2, nodes);
                team.team.submit(work, false);
                if (random.nextBoolean()) {
                    team.team.help(false);
                }
                assertThat(team.await()).isSameAs(work);
                assertGradients("seed " + (SEED + threads) + ", work " + i, work);
            }
        }
    }

    /** The training thread updates with whoever is there; each parameter once, whatever the tasks are doing. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 5})
    void updatesGiveTheBitsOfOneThread(int threads) throws InterruptedException {
        Random random = new Random(SEED + threads);
        try (Team team = new Team(threads);
                Optimizer optimizer = nesterov();
                Optimizer alone = nesterov();
                Parameters expected = weights.copy()) {
            team.team.submit(Work.load(List.of(new Node(0, SHARDS))), false);
            team.team.help(false);
            team.await();
            for (int step = 0; step < 300; step++) {
                Work work = gradientBeforeUpdate(step);
                team.team.submit(work, true);
                team.team.help(false);
                assertThat(team.await()).isSameAs(work);
                Parameters gradient = work.parts[0].values();
                try (Parameters copy = gradient.copy()) {
                    alone.apply(0.1f, copy, expected);
                }
                if (threads > 1 && random.nextInt(40) == 0) {
                    Work load = Work.load(List.of(new Node(0, SHARDS)));
                    team.team.submit(load, false); // as when a member joins: must not get lost
                    team.team.update(optimizer, 0.1f, gradient, weights);
                    assertThat(team.await()).isSameAs(load);
                } else {
                    team.team.update(optimizer, 0.1f, gradient, weights);
                }
                assertThat(weights.sha256())
                        .as("seed %d, step %d", SEED + threads, step)
                        .isEqualTo(expected.sha256());
            }
            assertThat(team.done).isEmpty();
        }
    }

    private Optimizer nesterov() {
        return new Optimizer(UpdateRule.NESTEROV, 0.9f, 1e-3f, plan.shape(), plan.kernels());
    }

    @Test
    void anUpdateIsWholeWhenTheTasksHaveBeenToldToGo() throws InterruptedException {
        try (Team team = new Team(2);
                Optimizer optimizer = nesterov();
                Optimizer alone = nesterov();
                Parameters expected = weights.copy()) {
            team.team.submit(Work.load(List.of(new Node(0, SHARDS))), false);
            team.await();
            Work work = gradientBeforeUpdate(0);
            team.team.submit(work, true);
            team.team.help(false);
            team.await();
            try (Parameters copy = work.parts[0].values().copy()) {
                alone.apply(0.1f, copy, expected);
            }
            team.team.end();
            team.team.update(optimizer, 0.1f, work.parts[0].values(), weights);
            assertThat(weights.sha256()).isEqualTo(expected.sha256());
        }
    }

    @Test
    void theTrainingThreadEndsWhatItUpdatesBy() throws InterruptedException {
        List<Thread> by = new CopyOnWriteArrayList<>();
        try (Team team = new Team(3, work -> by.add(Thread.currentThread()))) {
            for (int step = 0; step < 50; step++) {
                Work work = gradientBeforeUpdate(step);
                team.team.submit(work, true);
                if (step % 2 == 0) {
                    Await.until(() -> "the tasks leave units", () -> isComputed(work));
                }
                team.team.help(false);
                assertThat(team.done.poll()).as("done when help returns").isSameAs(work);
                assertGradients("step " + step, work);
            }
            assertThat(by).hasSize(50).containsOnly(Thread.currentThread());

            Work abandoned = gradientBeforeUpdate(50);
            team.team.submit(abandoned, true);
            Await.until(() -> "the tasks leave units", () -> isComputed(abandoned));
            team.team.abandon();
            team.team.help(false);
            assertThat(team.done).as("its parts may be others' by now").isEmpty();
        }
    }

    private static boolean isComputed(Work work) {
        return work.unitsDone.get() > 1 && work.unitsDone.get() == work.units();
    }

    /** A thread that was held up asks how many units there were when later works have taken over what computed them. */
    @Test
    void aWorkThatIsDoneKeepsItsUnits() throws InterruptedException {
        try (Team team = new Team(2)) {
            team.team.submit(Work.load(List.of(new Node(0, SHARDS))), false);
            team.await();
            Work first = gradient(0, List.of(new Node(0, SHARDS)));
            team.team.submit(first, false);
            team.await();
            assertThat(first.units()).isEqualTo(first.unitsDone.get()).isGreaterThan(1);
            for (int i = 1; i <= 2; i++) { // two, since works take turns
                team.team.submit(gradient(i, List.of(new Node(0, 1))), false);
                assertThat(team.await().units()).as("work " + i).isNotEqualTo(first.units());
            }
            assertThat(first.units()).isEqualTo(first.unitsDone.get());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 5})
    void scoresAndReportsAreThoseOfOneWorker(int threads) throws InterruptedException {
        try (Team team = new Team(threads);
                ShardWorker worker = ShardWorker.load(SmallSet.conf(), plan, 2, 8)) {
            List<Node> nodes = List.of(new Node(2, 5), new Node(5, 8));
            for (Split split : Split.values()) {
                Work work = work(Work.Kind.SCORE, -1, split, nodes);
                team.team.submit(work, false);
                team.await();
                var expected = worker.score(split, weights);
                for (int shard = 2; shard < 8; shard++) {
                    assertThat(work.results[shard].score())
                            .usingRecursiveComparison()
                            .isEqualTo(expected.get(shard - 2));
                }
            }
            Work report = work(Work.Kind.REPORT, -1, null, nodes);
            team.team.submit(report, false);
            team.await();
            LoadReport sum = new LoadReport(0, 0, 0);
            for (int shard = 2; shard < 8; shard++) {
                sum = sum.plus(report.results[shard].report());
            }
            assertThat(sum).isEqualTo(worker.report());
        }
    }

    /** The training thread alone can do a step: tasks that are slow to wake only help. */
    @Test
    void theHelperAloneGivesTheSameBits() throws InterruptedException {
        try (Team team = new Team(0)) {
            team.team.help(false);
            for (int step = 0; step < 4; step++) {
                Work work = gradient(step, List.of(new Node(0, 5), new Node(8, SHARDS)));
                team.team.submit(work, false);
                team.team.help(false);
                team.team.help(false);
                assertThat(team.await()).isSameAs(work);
                assertGradients("step " + step, work);
            }
            assertThat(team.done).isEmpty();
        }
    }

    @Test
    void tasksThatAreInterruptedLeaveTheRestToTheOthers() throws InterruptedException {
        Random random = new Random(SEED);
        try (Team team = new Team(4)) {
            List<Node> all = List.of(new Node(0, SHARDS));
            for (int i = 0; i < 3; i++) {
                for (int step = 0; step < 6; step++) {
                    Work work = gradient(step, all);
                    if (step == 3) {
                        team.interrupt(i); // it may still take units of this work, or none
                    }
                    team.team.submit(work, false);
                    if (step == 2) {
                        team.threads.get(i + 1).interrupt(); // of the thread: only a hint to look up
                    }
                    assertThat(team.await()).isSameAs(work);
                    assertGradients("interrupted " + i + ", step " + step, work);
                    if (random.nextBoolean()) {
                        team.addThread();
                    }
                }
                team.awaitEnd(i);
            }
        }
    }

    /** The last task leaves while the training thread computes; those that come next must not share its room. */
    @Test
    void abandonedWorkIsOverBeforeTheNextBegins() throws InterruptedException {
        CountDownLatch isInside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Consumer<Work> slow = work -> {
            isInside.countDown();
            assertThat(await(goOn)).isTrue();
        };
        try (Team team = new Team(0, slow)) {
            team.team.submit(gradient(0, List.of(new Node(0, SHARDS))), false);
            Thread helper = new Thread(() -> team.team.help(false));
            helper.start();
            assertThat(await(isInside)).isTrue();
            Thread last = new Thread(team.team::abandon);
            last.start();
            Await.until(() -> "abandon does nothing", () -> last.getState() != Thread.State.RUNNABLE);
            assertThat(last.isAlive()).as("waits for the helper").isTrue();
            goOn.countDown();
            last.join();
            assertThat(team.done).as("work that has ended").hasSize(1);
            helper.join();
            team.await();
            Work next = gradient(1, List.of(new Node(0, 5)));
            team.addThread();
            team.team.submit(next, false);
            assertThat(team.await()).isSameAs(next);
            assertGradients("next", next);
        }
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void unitsThatNobodyHasBegunAreNotBegunAfterTheWorkIsAbandoned() {
        try (Team team = new Team(0)) {
            Work work = gradient(0, List.of(new Node(0, SHARDS)));
            team.team.submit(work, false);
            team.team.abandon();
            team.team.help(false);
            assertThat(team.done).isEmpty();
            assertThat(work.unitsDone).hasValue(0);
        }
    }

    @Test
    void badInputFailsTheWorkAndNotTheThread() throws IOException, InterruptedException {
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 100] = 77;
        Files.write(labels, content);
        try (Team team = new Team(2)) {
            team.team.submit(Work.load(List.of(new Node(0, SHARDS))), false);
            assertThat(team.await().failure).isInstanceOf(BadInputException.class);
            Work work = gradient(0, List.of(new Node(0, SHARDS)));
            team.team.submit(work, false);
            assertThat(team.await().failure).isInstanceOf(BadInputException.class);
            Work good = gradient(0, List.of(new Node(0, 5)));
            team.team.submit(good, false);
            team.await();
            assertGradients("the shards that are whole", good);
        }
    }
}
