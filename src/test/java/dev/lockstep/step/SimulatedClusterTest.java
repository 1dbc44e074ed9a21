package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.SimulatedFate.Kind;
import dev.lockstep.step.StepCost.Machine;
import dev.lockstep.step.StepCost.Network;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Many workers in virtual time, on which everything happens that may happen to workers: the bits are those of one process. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class SimulatedClusterTest {
    private static final long SEED = 1_024;
    /** Neighbouring seeds of {@link Random} begin alike. */
    private static final long SCATTER = 0x9E3779B97F4A7C15L;

    private static final int SCHEDULES = 130;
    private static final List<Integer> FAN_INS = List.of(0, 1, 2, 4, 8);
    private static final List<Integer> WORKERS = List.of(1, 5, 16, 64);
    private static final double JITTER_SECONDS = 300e-6;

    private static final Machine MACHINE =
            new Machine(1e-8, 1e-7, 5e-6, 2e-6, 1e-10, 1e-10, 5e-6, 10e-6, 2e-10, 5e-6, 1e-7);
    private static final Network NETWORK = new Network(1.25e9, 50e-6);

    @TempDir
    Path directory;

    private SmallSet set;

    @BeforeEach
    void create() {
        set = SmallSet.in(directory, Storage.PLAIN);
    }

    private StepPlan plan(int shards) {
        return set.plan(shards, 40, Sampling.EPOCH, 20);
    }

    private static SimulatedCluster cluster(
            StepPlan plan, int workers, int fanIn, Random jitter, SimulatedCluster.Fate fate) {
        SimulatedNetwork network = new SimulatedNetwork(plan, MACHINE, NETWORK, jitter, JITTER_SECONDS);
        return new SimulatedCluster(SmallSet.conf(), plan, network, workers, fanIn, fate);
    }

    @Test
    void anyNumberOfWorkersAndAnyFanInGiveTheBitsOfOneProcess() {
        StepPlan plan = plan(64);
        Outcome expected = Outcome.local(plan);
        for (int workers : WORKERS) {
            for (int fanIn : FAN_INS) {
                String what = workers + " workers, fan-in " + fanIn;
                try (SimulatedCluster cluster = cluster(plan, workers, fanIn, null, null)) {
                    assertThat(Outcome.of(cluster, plan)).as(what).isEqualTo(expected);
                    GradientSource.Counters counters = cluster.counters();
                    assertThat(counters.workersLost()).as(what).isZero();
                    assertThat(counters.partsRefused()).as(what).isZero();
                    assertThat(cluster.impatienceCount()).as(what).isZero();
                    assertThat(cluster.network().malformed()).as(what).isEmpty();
                }
            }
        }
    }

    /** A schedule's cluster, by its seed. */
    private void schedule(long seed, double perEvent, Check check, Kind... kinds) {
        Random random = new Random(seed * SCATTER);
        StepPlan plan = plan(List.of(7, 16, 33, 64).get(random.nextInt(4)));
        int workers = WORKERS.get(random.nextInt(WORKERS.size()));
        int fanIn = FAN_INS.get(random.nextInt(FAN_INS.size()));
        String what = "seed " + seed + ": " + workers + " workers, fan-in " + fanIn + ", " + plan.shards() + " shards";
        SimulatedFate fate = new SimulatedFate(random, perEvent / workers, kinds);
        Outcome expected = Outcome.local(plan);
        try (SimulatedCluster cluster = cluster(plan, workers, fanIn, random, fate)) {
            try {
                assertThat(Outcome.of(cluster, plan)).as(what).isEqualTo(expected);
            } catch (RuntimeException e) {
                throw new AssertionError(what, e);
            }
            check.accept(what, cluster, fate);
        }
    }

    private interface Check {
        void accept(String what, SimulatedCluster cluster, SimulatedFate fate);
    }

    @Test
    void workersThatDieOrComeChangeNoBitAndNobodyElseIsLost() {
        int died = 0;
        for (long seed = SEED; seed < SEED + SCHEDULES; seed++) {
            int[] diedHere = {0};
            schedule(
                    seed,
                    0.02,
                    (what, cluster, fate) -> {
                        assertThat(cluster.dismissedCount()).as(what).isZero();
                        assertThat(cluster.impatienceCount()).as(what).isZero();
                        assertThat(cluster.network().malformed()).as(what).isEmpty();
                        assertThat(cluster.counters().workersLost()).as(what).isLessThanOrEqualTo(fate.died());
                        diedHere[0] = fate.died();
                    },
                    Kind.DIE,
                    Kind.JOIN);
            died += diedHere[0];
        }
        assertThat(died).isGreaterThan(SCHEDULES);
    }

    @Test
    void cutWiresBetweenWorkersLoseNobody() {
        int[] cut = {0};
        for (long seed = SEED; seed < SEED + SCHEDULES; seed++) {
            schedule(
                    seed,
                    0.05,
                    (what, cluster, fate) -> {
                        assertThat(cluster.counters().workersLost()).as(what).isZero();
                        assertThat(cluster.impatienceCount()).as(what).isZero();
                        cut[0] += fate.cut();
                    },
                    Kind.CUT);
        }
        assertThat(cut[0]).isGreaterThan(SCHEDULES);
    }

    @Test
    void workersThatFallSilentAreDoneWithout() {
        int[] silenced = {0};
        for (long seed = SEED; seed < SEED + SCHEDULES; seed++) {
            schedule(
                    seed,
                    0.015,
                    (what, cluster, fate) -> {
                        assertThat(cluster.counters().workersLost()).as(what).isLessThanOrEqualTo(fate.silenced());
                        assertThat(cluster.impatienceCount()).as(what).isLessThanOrEqualTo(3 * fate.silenced());
                        silenced[0] += fate.silenced();
                    },
                    Kind.SILENCE,
                    Kind.JOIN);
        }
        assertThat(silenced[0]).isGreaterThan(SCHEDULES / 2);
    }

    @Test
    void everythingAtOnceChangesNoBit() {
        for (long seed = SEED; seed < SEED + SCHEDULES; seed++) {
            schedule(seed, 0.03, (what, cluster, fate) -> {}, Kind.values());
        }
    }

    /** Whoever is above a silent worker may only be as late as that worker, and is not to blame. */
    @Test
    void onlyTheSilentWorkerOfADeepTreeIsLost() {
        StepPlan plan = plan(64);
        for (int silent = 0; silent < 16; silent++) {
            int number = silent;
            SimulatedCluster.Fate fate = cluster -> {
                SimulatedWorker worker =
                        cluster.workers().get(Math.min(number, cluster.workers().size() - 1));
                boolean isFirst = cluster.workers().stream()
                        .noneMatch(any -> any.process().isSilent());
                if (cluster.network().nowSeconds() > 0.02 && isFirst && cluster.impatienceCount() == 0) {
                    worker.process().silence();
                }
            };
            try (SimulatedCluster cluster = cluster(plan, 16, 2, null, fate)) {
                Outcome.of(cluster, plan);
                assertThat(cluster.counters().workersLost())
                        .as("silent: " + number)
                        .isEqualTo(1);
                assertThat(cluster.dismissedCount()).as("silent: " + number).isZero();
            }
        }
    }

    /** The tree is as before when the silent worker is lost: the driver tells no more workers itself than the fan-in. */
    @Test
    void theTreeComesBackAfterASilentWorker() {
        StepPlan plan = plan(64);
        try (SimulatedCluster cluster = cluster(plan, 16, 2, null, null);
                Parameters weights = SmallSet.initial(plan)) {
            long[] bytesDown = new long[6];
            for (int step = 0; step < bytesDown.length; step++) {
                if (step == 2) {
                    cluster.workers().get(7).process().silence();
                }
                long before = cluster.counters().bytesDown();
                cluster.gradient(step, weights);
                bytesDown[step] = cluster.counters().bytesDown() - before;
            }
            assertThat(cluster.counters().workersLost()).isEqualTo(1);
            assertThat(bytesDown[2]).isGreaterThan(2 * bytesDown[1]);
            assertThat(bytesDown[5]).isLessThan(bytesDown[1] * 11 / 10);
        }
    }

    @Test
    void badInputOfAWorkerBelowAnotherEndsTheRun() {
        StepPlan plan = plan(16);
        try (SimulatedCluster cluster = cluster(plan, 16, 2, null, null);
                Parameters weights = SmallSet.initial(plan)) {
            cluster.gradient(0, weights);
            cluster.workers().get(15).failBy(new BadInputException("train-labels: cut off at byte 7"));
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> cluster.gradient(1, weights))
                    .withMessageContaining("cut off at byte 7");
        }
    }
}
