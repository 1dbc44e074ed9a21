package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Members in threads of their own that leave in the middle of rounds, come back, and deliver late and twice. The training
 * thread writes weights without any synchronisation of its own, and reads what members wrote into parts.
 */
@ExtendWith(ExchangeQuiet.class)
class CoordinatorConcurrencyTest {
    private static final long SEED = 4242;
    private static final int ROUNDS = 600;
    private static final int MEMBERS = 4;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    /** An order as it came; a null node list says that it is over, or time to load. */
    private record Told(Coordinator.Round round, List<Node> nodes, boolean isOver) {}

    /** One life of a member, from joining to leaving. */
    private static final class Life implements Coordinator.Link {
        final Coordinator coordinator;
        final BlockingQueue<Told> told = new LinkedBlockingQueue<>();
        volatile int number;

        Life(Coordinator coordinator) {
            this.coordinator = coordinator;
        }

        @Override
        public void load(List<Node> nodes) {
            tell(new Told(null, nodes, false));
        }

        @Override
        public void order(Coordinator.Round round, Route route) {
            tell(new Told(round, route.nodes(), false));
        }

        @Override
        public void over() {
            tell(new Told(null, List.of(), true));
        }

        private void tell(Told what) {
            assertThat(Thread.holdsLock(coordinator))
                    .as("told one thing at a time")
                    .isTrue();
            told.add(what);
        }
    }

    private record Members(
            Coordinator coordinator, int shards, int leaveOneIn, AtomicInteger left, AtomicInteger extra) {
        /** Lives until it is over. */
        void run(long seed) throws InterruptedException {
            Random random = new Random(seed);
            while (true) {
                Life life = new Life(coordinator);
                coordinator.join("member " + seed, life, number -> life.number = number);
                if (live(life, random)) {
                    return;
                }
            }
        }

        private boolean live(Life life, Random random) throws InterruptedException {
            while (true) {
                Told told = life.told.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
                assertThat(told).as("told anything in time").isNotNull();
                assertThat(life.told).as("told more while it was not idle").isEmpty();
                if (told.isOver()) {
                    return true;
                }
                if (random.nextInt(leaveOneIn) == 0) {
                    leave(life, told, random);
                    return false;
                }
                boolean belongs = told.round() == null ? coordinator.ready(life.number) : deliver(life, told, random);
                if (!belongs) {
                    assertThat(coordinator.isOver()).isTrue();
                    return true;
                }
            }
        }

        private boolean deliver(Life life, Told told, Random random) {
            for (Node node : told.nodes()) {
                take(life, told.round(), node);
                if (random.nextInt(8) == 0) {
                    take(life, told.round(), node);
                    extra.incrementAndGet();
                }
            }
            return coordinator.idle(life.number);
        }

        private void leave(Life life, Told told, Random random) {
            left.incrementAndGet();
            boolean isHalfDone = random.nextBoolean() && told.round() != null;
            if (isHalfDone) {
                take(life, told.round(), told.nodes().get(0));
            }
            coordinator.leave(life.number, "it wants to");
            if (told.round() != null) {
                take(life, told.round(), told.nodes().get(told.nodes().size() - 1));
                extra.incrementAndGet();
            }
        }

        private void take(Life life, Coordinator.Round round, Node node) {
            double value = round.weights().all().get(0) + node.low() * 1000.0; // what the training thread wrote
            coordinator.take(life.number, round.number(), node, () -> {
                assertThat(Thread.holdsLock(coordinator))
                        .as("one taken at a time")
                        .isTrue();
                GradientPart part = new GradientPart(node.low(), node.high(), null);
                part.set(node.high() - node.low(), value);
                return part;
            });
        }
    }

    /** @param leaveOneIn orders: how often a member leaves */
    @ParameterizedTest
    @CsvSource({"8, 25", "1, 10", "13, 4", "33, 100", "3, 3"})
    void roundsEndWholeWhateverMembersDo(int shards, int leaveOneIn) {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(shards, 16, Sampling.EPOCH, 0);
        assertTimeoutPreemptively(LIMIT, () -> run(plan, shards, leaveOneIn));
    }

    private static void run(StepPlan plan, int shards, int leaveOneIn) throws InterruptedException {
        Coordinator coordinator = new Coordinator(plan);
        Members members = new Members(coordinator, shards, leaveOneIn, new AtomicInteger(), new AtomicInteger());
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int m = 0; m < MEMBERS; m++) {
            long seed = SEED + 100L * shards + m;
            Thread thread = new Thread(
                    () -> {
                        try {
                            members.run(seed);
                        } catch (Throwable e) {
                            failures.add(e);
                        }
                    },
                    "member " + seed);
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
        try (Parameters weights = new Parameters(new NetworkShape(1, 1, 1))) {
            for (int round = 0; round < ROUNDS; round++) {
                weights.all().set(0, round);
                coordinator.begin(new Coordinator.Round(round, Work.Kind.GRADIENT, round, null, weights));
                while (!coordinator.isComplete()) {
                    LockSupport.parkNanos(10_000_000);
                    assertThat(failures).as("seed %d", SEED).isEmpty();
                }
                checkParts(coordinator.parts(), shards, round);
            }
            coordinator.end();
            for (Thread thread : threads) {
                thread.join();
            }
        }
        assertThat(failures).as("seed %d", SEED).isEmpty();
        // A member may leave once more after the end, which is no loss.
        long left = members.left().get();
        assertThat(coordinator.lostCount()).isBetween(Math.max(1, left - MEMBERS), left);
        assertThat(coordinator.joinedCount() - coordinator.lostCount()).isBetween(0L, (long) MEMBERS);
        assertThat(coordinator.refusedCount())
                .isBetween(1L, (long) members.extra().get());
    }

    private static void checkParts(Map<Node, GradientPart> parts, int shards, int round) {
        int covered = 0;
        for (Map.Entry<Node, GradientPart> part : parts.entrySet()) {
            Node node = part.getKey();
            covered += part.getValue().rows();
            assertThat(part.getValue().rows()).isEqualTo(node.high() - node.low());
            assertThat(part.getValue().lossSum())
                    .as("%s of round %d", node, round)
                    .isEqualTo(round + node.low() * 1000.0);
        }
        assertThat(covered)
                .as("shards of round %d in %s", round, parts.keySet())
                .isEqualTo(shards);
    }
}
