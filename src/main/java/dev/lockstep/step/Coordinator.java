package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's side of the exchange: it hands orders to members, takes their parts, and knows when a round is whole. The
 * training thread begins rounds and waits for them; members report from threads of their own. All state is guarded by
 * this object's monitor, which is never held while waiting.
 *
 * <p>With a fan-in, orders go to that many members at most, who pass on to others ({@link Route}). Every member keeps its own
 * link all the same: what does not come back by way of another is ordered from it directly; and where no loss explains
 * that, it is not reached by way of others any more.
 */
final class Coordinator implements PartSink {
    private static final Logger LOG = LoggerFactory.getLogger(Coordinator.class);

    /**
     * The way to a member. Called with the coordinator's monitor held; must not block. It is told to load and ordered parts only
     * while it is idle, everything else at any time.
     */
    interface Link {
        /** Orders it to load shards, which it answers by {@link Coordinator#ready}. */
        void load(List<Node> nodes);

        /**
         * Orders parts of a round, which it answers by {@link Coordinator#take} for each node, or for sums of nodes, and
         * {@link Coordinator#idle}.
         */
        void order(Round round, Route route);

        /** When it was last heard of, by {@link System#nanoTime}; of a member in this process, now. */
        default long heardNanos() {
            return System.nanoTime();
        }

        /** It is ordered parts of a round by way of another. */
        default void carried() {}

        /** Tells it not to wait any longer for those below it. */
        default void handIn() {}

        /** Tells it that the run is over, or that it is no longer part of it. */
        void over();
    }

    /**
     * One request to all members.
     *
     * @param number ascending from 0
     * @param step for a gradient
     * @param split for a score
     * @param weights not changed during the round
     * @param lingerMicros how long members look for the next order, after a gradient, before they sleep
     */
    record Round(long number, Work.Kind kind, long step, Split split, Parameters weights, int lingerMicros) {
        Round(long number, Work.Kind kind, long step, Split split, Parameters weights) {
            this(number, kind, step, split, weights, 0);
        }
    }

    private final StepPlan plan;
    private final Membership membership;
    private final Seats seats;
    private final Absentees absentees;
    private final Map<Node, GradientPart> parts = new HashMap<>();
    private final ShardResult[] results;
    private final Thread trainingThread = Thread.currentThread();
    private Round round;
    private Runnable whenComplete; // what follows the round; null if the training thread waits for it
    private int nextNumber;
    private long lost;
    private long refused;
    private String lastLost = "";
    private final Stragglers stragglers = new Stragglers();
    private boolean over;
    private volatile boolean complete = true;
    private volatile RuntimeException failure;
    private volatile long progressNanos = System.nanoTime();

    /** All members are reached directly. */
    Coordinator(StepPlan plan) {
        this(plan, 0);
    }

    /** @param fanIn members that are reached directly, at most, and those below each of them; 0 for all directly */
    Coordinator(StepPlan plan, int fanIn) {
        this.plan = plan;
        this.membership = new Membership(plan.shards());
        this.seats = new Seats(membership, fanIn);
        this.absentees = new Absentees(membership, seats);
        this.results = new ShardResult[plan.shards()];
    }

    // --- From members ---

    /**
     * A member comes; it is told its number, which it uses in all that it says, and then ordered to load its share. When
     * the run is over it is told that instead.
     */
    void join(String name, Link link, IntConsumer numberGiven) {
        join(name, null, link, numberGiven);
    }

    /** @param address where other members can reach it; null if they cannot */
    synchronized void join(String name, Route.Address address, Link link, IntConsumer numberGiven) {
        if (over) {
            link.over();
            return;
        }
        int number = nextNumber++;
        numberGiven.accept(number);
        seats.add(number, new Seats.Seat(name, address, link));
        membership.join(number);
        BitSet share = membership.share(number);
        LOG.debug("{} joins as member {} and loads shards {}", name, number, share);
        link.load(ReductionTree.nodes(plan.shards(), share));
    }

    /** A member has loaded what it was told to. Returns false if it is not, or no longer, part of the run. */
    synchronized boolean ready(int member) {
        Seats.Seat seat = seats.get(member);
        if (seat == null || isInDebt(member, seat)) {
            return false;
        }
        seats.idle(seat);
        List<Membership.Order> orders = membership.ready(member);
        if (round != null) {
            seats.hand(orders);
        }
        progressNanos = System.nanoTime();
        wake();
        return true;
    }

    /** Whether a member that wants more to do has not delivered all that it was ordered; then it is not waited for. */
    private boolean isInDebt(int member, Seats.Seat seat) {
        if (seat.owed == 0) {
            return false;
        }
        int owed = seat.owed;
        seat.owed = 0;
        // Sums of a worker who passes on are refused if somebody below has left: then it has done what it was told.
        if (!seat.passesOn && membership.owes(member)) {
            drop(member, "it delivered " + owed + " shards less than it was ordered");
            return true;
        }
        seats.handAgain(member);
        return false;
    }

    /** What a round is to bring; null if it is not the one under way. */
    @Override
    public synchronized Work.Kind kindOf(long number) {
        return round == null || round.number() != number ? null : round.kind();
    }

    /** A member is gone. Its shards go to the others. */
    synchronized void leave(int member, String reason) {
        Seats.Seat seat = seats.remove(member);
        if (seat == null || over) {
            return;
        }
        lost++;
        lastLost = seat.name + ": " + reason;
        stragglers.disturb();
        progressNanos = System.nanoTime(); // the others have just got more to do
        LOG.warn("worker {} is lost ({}); {} left", seat.name, reason, seats.size());
        seats.handAfterLoss(membership.leave(member));
        wake();
    }

    /** A member found that it cannot go on: bad input ends the run, anything else is the loss of the member. */
    synchronized void failed(int member, String message, boolean badInput) {
        if (badInput) {
            failure = new BadInputException(message);
            wake();
        } else {
            drop(member, message);
        }
    }

    /** Whether no member is there. */
    synchronized boolean isEmpty() {
        return seats.isEmpty();
    }

    /**
     * A member brings the gradient of a node. If it is wanted, it is taken from {@code part}, and is not changed until the
     * next round but by the driver; otherwise it is refused and counted.
     */
    @Override
    public synchronized void take(int member, long ofRound, Node node, Supplier<GradientPart> part) {
        if (isWanted(member, ofRound, node)) {
            parts.put(node, part.get());
        }
    }

    /** A member brings scores, or reports, of the shards of a node. */
    @Override
    public synchronized void take(int member, long ofRound, Node node, IntFunction<ShardResult> ofShard) {
        if (isWanted(member, ofRound, node)) {
            for (int shard = node.low(); shard < node.high(); shard++) {
                results[shard] = ofShard.apply(shard);
            }
        }
    }

    private boolean isWanted(int member, long ofRound, Node node) {
        Membership.Verdict verdict = round == null ? Membership.Verdict.STALE : membership.part(member, ofRound, node);
        if (verdict != Membership.Verdict.ACCEPTED) {
            refused++;
            LOG.debug("part {} of round {} from member {} refused: {}", node, ofRound, member, verdict);
            return false;
        }
        seats.get(member).owed -= node.high() - node.low();
        return true;
    }

    /** A member has delivered what it was ordered and waits for more. Returns false as {@link #ready} does. */
    synchronized boolean idle(int member) {
        Seats.Seat seat = seats.get(member);
        if (seat == null || isInDebt(member, seat)) {
            return false;
        }
        progressNanos = System.nanoTime();
        stragglers.delivered(seat, progressNanos);
        seats.idle(seat);
        wake();
        return true;
    }

    /** Does what follows the round if that is complete. For those who have brought something, without the monitor. */
    void goOn() {
        Runnable next;
        synchronized (this) {
            if (!complete || failure != null) {
                return;
            }
            next = whenComplete;
            whenComplete = null;
        }
        if (next != null) {
            next.run();
        }
    }

    // --- From the training thread, or from what follows a round ---

    /** Begins a round, for which the training thread waits: every ready member gets its order. */
    void begin(Round next) {
        begin(next, null);
    }

    /** @param whenComplete called once, by {@link #goOn}, when the round is complete; null to wake the training thread */
    synchronized void begin(Round next, Runnable whenComplete) {
        round = next;
        this.whenComplete = whenComplete;
        parts.clear();
        complete = false;
        progressNanos = System.nanoTime();
        stragglers.begin(progressNanos, next.kind() == Work.Kind.GRADIENT);
        seats.begin(next, membership.begin(next.number()));
    }

    /** Whether every part of the round has come. */
    boolean isComplete() {
        if (failure != null) {
            throw failure;
        }
        return complete;
    }

    /** The parts of the round, which is complete; good until the next. */
    Map<Node, GradientPart> parts() {
        return parts;
    }

    /** The results of the round, which is complete, by shard. */
    ShardResult[] results() {
        return results;
    }

    /** When something was last heard of any member. */
    long progressNanos() {
        return progressNanos;
    }

    /** Who the round waits for, for people. */
    synchronized String missing() {
        return absentees.text();
    }

    /**
     * Does not wait any longer for the members by way of whom something is missing: those who carry parts of others, and those
     * others, who may carry further ones, are asked first to hand in what they have, so that it shows who is silent; then
     * they are given up.
     */
    synchronized void dropMissing(String reason) {
        progressNanos = System.nanoTime();
        absentees.inVain().forEach(member -> drop(member, reason));
    }

    /**
     * Does not wait any longer for members that the round waits for, or who load their shards while nobody else is there, and who
     * have been silent.
     *
     * @param watchedNanos how long the caller has been listening; nobody counts as silent for longer
     */
    synchronized void dropSilent(long watchedNanos, long timeoutNanos) {
        long now = System.nanoTime();
        Set<Integer> silent = absentees.silent(now, watchedNanos, timeoutNanos);
        if (silent.isEmpty()) {
            return;
        }
        Set<Integer> carriers = absentees.carriersOf(silent);
        String during = round == null ? "" : " in " + roundText();
        for (int member : silent) {
            long silentMillis = (now - seats.get(member).link.heardNanos()) / 1_000_000;
            drop(member, "silent for " + silentMillis + " ms" + during + ", see --step-timeout");
        }
        carriers.forEach(absentees::askToHandIn);
    }

    /** Who carries parts of others is asked to hand in what is there: perhaps it cannot reach them. Once a round each. */
    synchronized void askCarriersToHandIn() {
        absentees.askCarriersToHandIn();
    }

    private String roundText() {
        return round.kind() == Work.Kind.GRADIENT
                ? "step " + round.step()
                : round.kind().name().toLowerCase(Locale.ROOT) + " round " + round.number();
    }

    /** What a run without workers lacks, for people. */
    synchronized String desertion() {
        String wants = (round == null ? "the run" : roundText()) + " wants shards 0 to " + (plan.shards() - 1);
        return wants
                + (nextNumber == 0
                        ? ", and no executor of Spark's has reached the driver yet"
                        : "; workers that came: " + nextNumber + ", lost: " + lost + ", the last: " + lastLost);
    }

    private void nameStraggler() {
        Seats.Seat straggler = stragglers.end(seats.all());
        if (straggler != null) {
            LOG.warn(
                    "worker {} is slow: until step {} all others waited for it alone during {}",
                    straggler.name,
                    round.step(),
                    straggler.straggling);
        }
    }

    private void drop(int member, String reason) {
        Seats.Seat seat = seats.get(member);
        if (seat != null) {
            leave(member, reason);
            seat.link.over();
        }
    }

    /** Ends the run: idle members are told to go, others when they report. No part is taken any more. */
    synchronized void end() {
        over = true;
        round = null;
        seats.clear().forEach(seat -> seat.link.over());
    }

    /** Whether the run has ended. */
    synchronized boolean isOver() {
        return over;
    }

    synchronized long joinedCount() {
        return nextNumber;
    }

    synchronized long lostCount() {
        return lost;
    }

    synchronized long refusedCount() {
        return refused;
    }

    synchronized List<GradientSource.WorkerTimes> workerTimes() {
        return seats.times();
    }

    synchronized int readyCount() {
        return membership.readyCount();
    }

    private void wake() {
        if (failure != null || (round != null && membership.isComplete())) {
            if (!complete && failure == null && round.kind() == Work.Kind.GRADIENT) {
                nameStraggler();
            }
            complete = true;
            if (failure != null || whenComplete == null) {
                LockSupport.unpark(trainingThread);
            }
        }
    }
}
