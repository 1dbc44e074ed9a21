package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The coordinator with members that do as the test says. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class CoordinatorTest {
    private static final int SHARDS = 8;

    @TempDir
    Path directory;

    private Coordinator coordinator;

    @BeforeEach
    void create() {
        coordinator = new Coordinator(SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 16, Sampling.EPOCH, 0));
    }

    /** Writes down what it is told. */
    private final class Member implements Coordinator.Link {
        final List<String> told = new ArrayList<>();
        int number = -1;
        long silentNanos;

        /** One that has joined. */
        Member join() {
            coordinator.join("member at " + told.size(), this, given -> number = given);
            return this;
        }

        /** One that others can reach. */
        Member joinAt(int port) {
            coordinator.join("member at port " + port, new Route.Address("h", port), this, given -> number = given);
            return this;
        }

        Member readyNow() {
            assertThat(coordinator.ready(number)).isTrue();
            return this;
        }

        /** One that has joined and loaded. */
        Member ready() {
            return join().readyNow();
        }

        @Override
        public void load(List<Node> nodes) {
            told.add("load " + nodes);
        }

        @Override
        public void order(Coordinator.Round round, Route route) {
            told.add("round " + round.number() + " " + route.nodes());
        }

        @Override
        public long heardNanos() {
            return System.nanoTime() - silentNanos;
        }

        @Override
        public void handIn() {
            told.add("hand in");
        }

        @Override
        public void over() {
            told.add("over");
        }

        String last() {
            return told.get(told.size() - 1);
        }

        /** Delivers a part; returns whether it was taken. */
        boolean deliver(long round, int low, int high) {
            boolean[] taken = {false};
            Node node = new Node(low, high);
            coordinator.take(number, round, node, () -> {
                taken[0] = true;
                return new GradientPart(low, high, null);
            });
            return taken[0];
        }
    }

    private void begin(long number) {
        coordinator.begin(new Coordinator.Round(number, Work.Kind.GRADIENT, number, null, null));
    }

    @Test
    void aRoundIsWholeWhenEveryMemberHasDeliveredAndReported() {
        Member a = new Member().ready();
        Member b = new Member().ready();
        begin(0);
        assertThat(a.told).containsExactly("load [[0, 8)]", "round 0 [[0, 4)]");
        assertThat(b.told).containsExactly("load [[4, 8)]", "round 0 [[4, 8)]");
        assertThat(a.deliver(0, 0, 4)).isTrue();
        assertThat(b.deliver(0, 4, 8)).isTrue();
        assertThat(coordinator.idle(b.number)).isTrue();
        assertThat(coordinator.isComplete()).isTrue();
        assertThat(coordinator.parts()).containsOnlyKeys(new Node(0, 4), new Node(4, 8));
        begin(1);
        assertThat(coordinator.isComplete()).isFalse();
        assertThat(coordinator.parts()).isEmpty();
        assertThat(b.last()).isEqualTo("round 1 [[4, 8)]");
        assertThat(a.last()).as("busy: it has not said that it is idle").isEqualTo("round 0 [[0, 4)]");
        assertThat(coordinator.idle(a.number)).isTrue();
        assertThat(a.last()).isEqualTo("round 1 [[0, 4)]");
        assertThat(coordinator.refusedCount()).isZero();
        assertThat(coordinator.joinedCount()).isEqualTo(2);
    }

    @Test
    void whatFollowsARoundIsDoneOnceByWhoeverBroughtSomethingAndWithoutTheMonitor() {
        Member a = new Member().ready();
        Member b = new Member().ready();
        List<String> followed = new ArrayList<>();
        coordinator.begin(new Coordinator.Round(0, Work.Kind.GRADIENT, 0, null, null), () -> {
            assertThat(Thread.holdsLock(coordinator)).isFalse();
            followed.add("round 0 is followed by 1");
            begin(1);
        });
        assertThat(a.deliver(0, 0, 4)).isTrue();
        assertThat(coordinator.idle(a.number)).isTrue();
        coordinator.goOn();
        assertThat(followed).as("half of it is missing").isEmpty();
        assertThat(b.deliver(0, 4, 8)).isTrue();
        assertThat(coordinator.idle(b.number)).isTrue();
        assertThat(a.last()).isEqualTo("round 0 [[0, 4)]");
        coordinator.goOn();
        assertThat(followed).hasSize(1);
        assertThat(a.last()).isEqualTo("round 1 [[0, 4)]");
        assertThat(a.deliver(1, 0, 4)).isTrue();
        assertThat(b.deliver(1, 4, 8)).isTrue();
        assertThat(coordinator.idle(b.number)).isTrue();
        coordinator.goOn();
        assertThat(followed).as("round 1 is waited for").hasSize(1);
        assertThat(coordinator.isComplete()).isTrue();
        assertThat(coordinator.idle(a.number)).isTrue();
        coordinator.begin(new Coordinator.Round(2, Work.Kind.GRADIENT, 2, null, null), () -> followed.add("the last"));
        assertThat(a.deliver(2, 0, 4)).isTrue();
        assertThat(b.deliver(2, 4, 8)).isTrue();
        assertThat(coordinator.idle(b.number)).isTrue();
        coordinator.goOn();
        coordinator.goOn();
        assertThat(followed).as("once").hasSize(2);
    }

    @Test
    void nothingFollowsARoundOfARunThatHasFailed() {
        Member a = new Member().ready();
        List<String> followed = new ArrayList<>();
        coordinator.begin(new Coordinator.Round(0, Work.Kind.GRADIENT, 0, null, null), () -> followed.add("something"));
        coordinator.failed(a.number, "a damaged file", true);
        assertThat(a.deliver(0, 0, 8)).isTrue();
        assertThat(coordinator.idle(a.number)).isTrue();
        coordinator.goOn();
        assertThat(followed).isEmpty();
        assertThatThrownBy(coordinator::isComplete).hasMessage("a damaged file");
    }

    @Test
    void lateDuplicateAndStalePartsAreRefusedAndCounted() {
        Member a = new Member().ready();
        Member b = new Member().ready();
        assertThat(a.deliver(0, 0, 8)).as("before any round").isFalse();
        begin(5);
        assertThat(a.deliver(4, 0, 4)).as("stale").isFalse();
        assertThat(a.deliver(6, 0, 4)).as("early").isFalse();
        assertThat(a.deliver(5, 4, 8)).as("another's").isFalse();
        assertThat(a.deliver(5, 0, 8)).as("more than ordered").isFalse();
        assertThat(a.deliver(5, 0, 4)).isTrue();
        assertThat(a.deliver(5, 0, 4)).as("twice").isFalse();
        coordinator.leave(b.number, "test");
        assertThat(b.deliver(5, 4, 8)).as("after it left").isFalse();
        assertThat(coordinator.idle(b.number)).isFalse();
        assertThat(coordinator.ready(b.number)).isFalse();
        assertThat(coordinator.refusedCount()).isEqualTo(7);
        assertThat(coordinator.lostCount()).isEqualTo(1);
    }

    @Test
    void aBusyMemberIsOrderedWhatALeaverOwedWhenItIsIdle() {
        Member a = new Member().ready();
        Member b = new Member().ready();
        Member c = new Member().ready();
        begin(0);
        assertThat(a.last()).isEqualTo("round 0 [[0, 2), [2, 3)]");
        coordinator.leave(b.number, "test");
        assertThat(a.told).hasSize(2);
        coordinator.leave(c.number, "test");
        assertThat(a.told).hasSize(2);
        assertThat(a.deliver(0, 0, 2)).isTrue();
        assertThat(a.deliver(0, 2, 3)).isTrue();
        assertThat(coordinator.isComplete()).isFalse();
        coordinator.idle(a.number);
        assertThat(a.last()).isEqualTo("round 0 [[3, 4), [4, 8)]");
        assertThat(a.deliver(0, 3, 4)).isTrue();
        assertThat(a.deliver(0, 4, 8)).isTrue();
        coordinator.idle(a.number);
        assertThat(coordinator.isComplete()).isTrue();
    }

    @Test
    void whoeverWantsMoreWithoutHavingDeliveredIsNotWaitedFor() {
        Member lazy = new Member().ready();
        Member forgetful = new Member().ready();
        Member good = new Member().ready();
        begin(0);
        assertThat(forgetful.last()).isEqualTo("round 0 [[3, 4), [4, 6)]");
        assertThat(forgetful.deliver(0, 3, 4)).isTrue();
        assertThat(coordinator.idle(forgetful.number)).isFalse();
        assertThat(forgetful.last()).isEqualTo("over");
        assertThat(coordinator.ready(lazy.number)).isFalse();
        assertThat(lazy.last()).isEqualTo("over");
        assertThat(coordinator.lostCount()).isEqualTo(2);
        good.deliver(0, 6, 8);
        assertThat(coordinator.idle(good.number)).isTrue();
        assertThat(good.last()).isEqualTo("round 0 [[0, 2), [2, 3), [4, 6)]");
        good.deliver(0, 4, 6);
        good.deliver(0, 0, 2);
        good.deliver(0, 2, 3);
        assertThat(coordinator.idle(good.number)).isTrue();
        assertThat(coordinator.isComplete()).isTrue();
    }

    /** The training thread may give up a round and begin another; who was ordered the old one is no debtor. */
    @Test
    void partsOfARoundThatWasGivenUpAreNotOwed() {
        Member a = new Member().ready();
        begin(0);
        begin(1);
        assertThat(a.deliver(0, 0, 8)).isFalse();
        assertThat(coordinator.idle(a.number)).isTrue();
        assertThat(a.last()).isEqualTo("round 1 [[0, 8)]");
        assertThat(a.deliver(1, 0, 8)).isTrue();
        assertThat(coordinator.idle(a.number)).isTrue();
        assertThat(coordinator.isComplete()).isTrue();
    }

    @Test
    void whoeverWasLostComesBackUnderANewNumber() {
        Member a = new Member().ready();
        int before = a.number;
        coordinator.failed(before, "disk is on fire", false);
        assertThat(a.last()).isEqualTo("over");
        assertThat(coordinator.lostCount()).isEqualTo(1);
        assertThat(coordinator.isComplete()).as("a loss ends nothing").isTrue();
        coordinator.failed(before, "disk is still on fire", false);
        assertThat(coordinator.lostCount()).isEqualTo(1);
        begin(0);
        a.ready();
        assertThat(a.number).isNotEqualTo(before);
        assertThat(a.last()).isEqualTo("round 0 [[0, 8)]");
    }

    @Test
    void whoComesAfterTheEndIsToldThatItIsOver() {
        Member busy = new Member().ready();
        begin(0);
        Member idle = new Member().join();
        coordinator.end();
        assertThat(busy.last()).isEqualTo("over");
        assertThat(idle.last()).isEqualTo("over");
        assertThat(new Member().join().told).containsExactly("over");
        assertThat(busy.deliver(0, 0, 8)).as("its room may be freed").isFalse();
        assertThat(coordinator.idle(busy.number)).isFalse();
        assertThat(coordinator.ready(idle.number)).isFalse();
        coordinator.leave(busy.number, "test");
        assertThat(coordinator.lostCount()).as("going after the end is no loss").isZero();
        assertThat(coordinator.isOver()).isTrue();
    }

    @Test
    void badInputEndsTheWaitingThread() throws InterruptedException {
        Member a = new Member().ready();
        begin(0);
        Thread member =
                new Thread(() -> coordinator.failed(a.number, "train-images: offset 7: expected 1, found 2", true));
        member.start();
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Await.until(() -> "bad input", coordinator::isComplete))
                .withMessage("train-images: offset 7: expected 1, found 2");
        member.join();
        assertThat(coordinator.lostCount()).isZero();
    }

    @Test
    void whoIsMissingIsNamed() {
        assertThat(coordinator.missing()).isEqualTo("no worker has come");
        begin(0);
        Member a = new Member().join();
        assertThat(coordinator.missing()).isEqualTo("workers that load their shards");
        coordinator.ready(a.number);
        assertThat(coordinator.missing()).isEqualTo("shards [0, 8) from member at 0");
        assertThat(a.last()).isEqualTo("round 0 [[0, 8)]");
    }

    @Test
    void thoseWhoAreMissingAreDroppedAndTheOthersGetNewPatience() {
        Member silent = new Member().ready();
        Member alive = new Member().ready();
        begin(0);
        alive.deliver(0, 4, 8);
        coordinator.idle(alive.number);
        long before = coordinator.progressNanos();
        LockSupport.parkNanos(1_000_000);
        coordinator.dropMissing("silent for 60 s");
        assertThat(silent.last()).isEqualTo("over");
        assertThat(alive.last()).isEqualTo("round 0 [[0, 4)]");
        assertThat(coordinator.progressNanos()).isGreaterThan(before);
        assertThat(coordinator.readyCount()).isEqualTo(1);
        assertThat(silent.deliver(0, 0, 4)).isFalse();
        assertThat(coordinator.idle(silent.number)).isFalse();
        alive.deliver(0, 0, 4);
        coordinator.idle(alive.number);
        assertThat(coordinator.isComplete()).isTrue();
    }

    private static final long TIMEOUT_NANOS = 10_000_000_000L;

    @Test
    void whoIsSilentIsLostAndWhoIsOnlySlowIsNot() {
        Member silent = new Member().ready();
        Member slow = new Member().ready();
        begin(0);
        silent.silentNanos = 2 * TIMEOUT_NANOS;
        slow.silentNanos = TIMEOUT_NANOS / 2;
        coordinator.dropSilent(TIMEOUT_NANOS - 1, TIMEOUT_NANOS);
        assertThat(coordinator.lostCount())
                .as("the driver has not listened for long")
                .isZero();
        coordinator.dropSilent(TIMEOUT_NANOS, TIMEOUT_NANOS);
        assertThat(coordinator.lostCount()).isEqualTo(1);
        assertThat(silent.last()).isEqualTo("over");
        assertThat(silent.deliver(0, 0, 4)).as("when it wakes up").isFalse();
        slow.deliver(0, 4, 8);
        coordinator.idle(slow.number);
        assertThat(slow.last()).isEqualTo("round 0 [[0, 4)]");
        slow.deliver(0, 0, 4);
        coordinator.idle(slow.number);
        assertThat(coordinator.isComplete()).isTrue();
    }

    @Test
    void whoIsSilentAndNotWaitedForStays() {
        Member silent = new Member().ready();
        Member busy = new Member().ready();
        begin(0);
        silent.deliver(0, 0, 4);
        coordinator.idle(silent.number);
        silent.silentNanos = 2 * TIMEOUT_NANOS;
        coordinator.dropSilent(TIMEOUT_NANOS, TIMEOUT_NANOS);
        assertThat(coordinator.lostCount()).isZero();
        busy.silentNanos = 2 * TIMEOUT_NANOS;
        coordinator.dropSilent(TIMEOUT_NANOS, TIMEOUT_NANOS);
        assertThat(coordinator.lostCount()).isEqualTo(1);
    }

    @Test
    void whoIsSilentWhileItLoadsAndNobodyElseIsThereIsLost() {
        begin(0);
        Member silent = new Member().join();
        silent.silentNanos = 2 * TIMEOUT_NANOS;
        coordinator.dropSilent(TIMEOUT_NANOS, TIMEOUT_NANOS);
        assertThat(coordinator.lostCount()).isEqualTo(1);
        assertThat(coordinator.desertion())
                .matches("step 0 wants shards 0 to 7; workers that came: 1, lost: 1, the last: member at 0: silent for"
                        + " \\d+ ms in step 0, see --step-timeout");
    }

    @Test
    void whoCarriesPartsOfASilentOneIsAskedToHandIn() {
        coordinator = new Coordinator(SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 16, Sampling.EPOCH, 0), 1);
        Member carrier = new Member().joinAt(1).readyNow();
        Member silent = new Member().joinAt(2).readyNow();
        try (Parameters weights = new Parameters(new NetworkShape(2, 2, 2))) {
            coordinator.begin(new Coordinator.Round(0, Work.Kind.GRADIENT, 0, null, weights));
            assertThat(silent.told).as("ordered by way of the other").hasSize(1);
            silent.silentNanos = 2 * TIMEOUT_NANOS;
            coordinator.dropSilent(TIMEOUT_NANOS, TIMEOUT_NANOS);
            assertThat(carrier.last()).isEqualTo("hand in");
            assertThat(silent.last()).isEqualTo("over");
            assertThat(coordinator.lostCount()).isEqualTo(1);
        }
    }

    @Test
    void aMemberThatComesLateGetsItsShareByTheNextRound() {
        Member a = new Member().ready();
        begin(0);
        Member b = new Member().ready();
        assertThat(b.told).containsExactly("load [[4, 8)]");
        a.deliver(0, 0, 8);
        coordinator.idle(a.number);
        begin(1);
        assertThat(b.last()).isEqualTo("round 1 [[4, 8)]");
        assertThat(a.last()).isEqualTo("round 1 [[0, 4)]");
    }

    @Test
    void resultsAreKeptByShard() {
        Member a = new Member().ready();
        coordinator.begin(new Coordinator.Round(3, Work.Kind.SCORE, -1, Split.TEST, null));
        assertThat(coordinator.kindOf(3)).isEqualTo(Work.Kind.SCORE);
        assertThat(coordinator.kindOf(2)).isNull();
        Score[] scores = new Score[SHARDS];
        coordinator.take(a.number, 3, new Node(0, SHARDS), shard -> {
            scores[shard] = new Score(2);
            return new ShardResult(scores[shard], null);
        });
        coordinator.idle(a.number);
        assertThat(coordinator.isComplete()).isTrue();
        assertThat(coordinator.results()).extracting(ShardResult::score).containsExactly(scores);
    }
}
