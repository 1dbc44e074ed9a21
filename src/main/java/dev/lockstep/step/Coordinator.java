package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
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
 * link all the same: what does not come back by way of another is ordered from it directly, and it is not reached by way of
 * others any more.
 */
final class Coordinator implements PartSink {
    private static final Logger LOG = LoggerFactory.getLogger(Coordinator.class);

    /** The way to a member. Called with the coordinator's monitor held, only while the member is idle; must not block. */
    interface Link {
        /** Orders it to load shards, which it answers by {@link Coordinator#ready}. */
        void load(List<Node> nodes);

        /**
         * Orders parts of a round, which it answers by {@link Coordinator#take} for each node, or for sums of nodes, and
         * {@link Coordinator#idle}.
         */
        void order(Round round, Route route);

        /** It is ordered parts of a round by way of another. */
        default void carried() {}

        /** Tells it, while it is not idle, not to wait any longer for those below it. */
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
     */
    record Round(long number, Work.Kind kind, long step, Split split, Parameters weights) {}

    private static final class Seat {
        final String name;
        final Route.Address address; // null if others cannot reach it
        final Link link;
        boolean idle;
        boolean isDirect; // never by way of others
        boolean isAskedToHandIn;
        int owed; // shards of the order that it works on
        boolean passesOn; // that order has workers below
        Route pending;

        Seat(String name, Route.Address address, Link link) {
            this.name = name;
            this.address = address;
            this.link = link;
        }
    }

    private final StepPlan plan;
    private final int fanIn;
    private final Membership membership;
    private final TreeMap<Integer, Seat> seats = new TreeMap<>();
    private final Map<Node, GradientPart> parts = new HashMap<>();
    private final ShardResult[] results;
    private final Thread trainingThread = Thread.currentThread();
    private List<Membership.Order> routedOrders;
    private List<Route> routes;
    private Round round;
    private int nextNumber;
    private long lost;
    private final List<Seat> missed = new ArrayList<>(); // whose parts did not come by way of others in this round
    private boolean hasLost; // in this round
    private long refused;
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
        this.fanIn = fanIn;
        this.plan = plan;
        this.membership = new Membership(plan.shards());
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
        seats.put(number, new Seat(name, address, link));
        membership.join(number);
        BitSet share = membership.share(number);
        LOG.debug("{} joins as member {} and loads shards {}", name, number, share);
        link.load(ReductionTree.nodes(plan.shards(), share));
    }

    /** A member has loaded what it was told to. Returns false if it is not, or no longer, part of the run. */
    synchronized boolean ready(int member) {
        Seat seat = seats.get(member);
        if (seat == null || isInDebt(member, seat)) {
            return false;
        }
        seat.idle = true;
        List<Membership.Order> orders = membership.ready(member);
        if (round != null) {
            hand(orders);
        }
        progressNanos = System.nanoTime();
        wake();
        return true;
    }

    /** Whether a member that wants more to do has not delivered all that it was ordered; then it is not waited for. */
    private boolean isInDebt(int member, Seat seat) {
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
        handAgain(member);
        return false;
    }

    /** What has not come by way of a member is ordered directly. */
    private void handAgain(int carrier) {
        seats.get(carrier).pending = null; // it is part of that
        List<Membership.Order> orders = membership.again(carrier);
        for (Membership.Order order : orders) {
            Seat seat = seats.get(order.member());
            LOG.warn("parts of worker {} are ordered anew: they did not come by way of {}", seat.name, nameOf(carrier));
            if (order.member() != carrier) {
                missed.add(seat);
            }
        }
        hand(orders);
    }

    private String nameOf(int member) {
        Seat seat = seats.get(member);
        return seat == null ? "nobody" : seat.name;
    }

    /** What a round is to bring; null if it is not the one under way. */
    @Override
    public synchronized Work.Kind kindOf(long number) {
        return round == null || round.number() != number ? null : round.kind();
    }

    /** A member is gone. Its shards go to the others. */
    synchronized void leave(int member, String reason) {
        Seat seat = seats.remove(member);
        if (seat == null || over) {
            return;
        }
        lost++;
        hasLost = true;
        progressNanos = System.nanoTime(); // the others have just got more to do
        LOG.warn("worker {} is lost ({}); {} left", seat.name, reason, seats.size());
        hand(membership.leave(member));
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
        Seat seat = seats.get(member);
        if (seat == null || isInDebt(member, seat)) {
            return false;
        }
        seat.idle = true;
        progressNanos = System.nanoTime();
        if (seat.pending != null) {
            Route route = seat.pending;
            seat.pending = null;
            hand(route);
        }
        wake();
        return true;
    }

    // --- From the training thread ---

    /** Begins a round: every ready member gets its order. */
    synchronized void begin(Round next) {
        round = next;
        parts.clear();
        complete = false;
        if (!hasLost && !missed.isEmpty()) { // nobody else is to blame: others do not reach them
            missed.forEach(seat -> seat.isDirect = true);
            routedOrders = null;
        }
        hasLost = false;
        missed.clear();
        progressNanos = System.nanoTime();
        for (Seat seat : seats.values()) {
            seat.pending = null;
            seat.isAskedToHandIn = false;
            seat.owed = 0; // what is still missing of the round before is not wanted any more
        }
        List<Membership.Order> orders = membership.begin(next.number());
        if (fanIn == 0 || next.weights() == null) {
            hand(orders);
        } else {
            handByTree(orders);
        }
    }

    private void handByTree(List<Membership.Order> orders) {
        if (orders != routedOrders) {
            List<Route> leaves = new ArrayList<>();
            routes = new ArrayList<>();
            for (Membership.Order order : orders) {
                Seat seat = seats.get(order.member());
                boolean isLeaf = seat.address != null && !seat.isDirect;
                (isLeaf ? leaves : routes).add(new Route(order.member(), seat.address, order.nodes(), List.of()));
            }
            routes.addAll(Route.tree(leaves, fanIn));
            routedOrders = orders;
        }
        for (Route route : routes) {
            carry(route.below(), route.member());
            hand(route);
        }
    }

    private void carry(List<Route> below, int carrier) {
        for (Route route : below) {
            membership.carry(route.nodes(), carrier);
            seats.get(route.member()).link.carried();
            carry(route.below(), carrier);
        }
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
        if (seats.isEmpty()) {
            return "no worker has come";
        }
        List<String> names = new ArrayList<>();
        membership.missing().forEach((node, member) -> {
            int way = membership.wayOf(node);
            names.add(
                    "shards " + node + " from " + nameOf(member) + (way == member ? "" : " by way of " + nameOf(way)));
        });
        return names.isEmpty() ? "workers that load their shards" : String.join(", ", names);
    }

    /**
     * Does not wait any longer for the members by way of whom something is missing: those who carry parts of others, and those
     * others, who may carry further ones, are asked first to hand in what they have, so that it shows who is silent; then
     * they are given up.
     */
    synchronized void dropMissing(String reason) {
        Set<Integer> ways = new TreeSet<>();
        Set<Integer> carriers = new TreeSet<>();
        membership.missing().forEach((node, member) -> {
            int way = membership.wayOf(node);
            ways.add(way);
            if (way != member && !seats.get(way).isAskedToHandIn) {
                carriers.add(way);
                carriers.add(member);
            }
        });
        progressNanos = System.nanoTime();
        for (int carrier : carriers) {
            Seat seat = seats.get(carrier);
            seat.isAskedToHandIn = true;
            seat.link.handIn();
        }
        ways.removeAll(carriers);
        ways.forEach(member -> drop(member, reason));
    }

    private void drop(int member, String reason) {
        Seat seat = seats.get(member);
        if (seat != null) {
            leave(member, reason);
            seat.link.over();
        }
    }

    /** Ends the run: idle members are told to go, others when they report. No part is taken any more. */
    synchronized void end() {
        over = true;
        round = null;
        seats.values().forEach(seat -> seat.link.over());
        seats.clear();
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

    synchronized int readyCount() {
        return membership.readyCount();
    }

    private void hand(List<Membership.Order> orders) {
        for (int i = 0; i < orders.size(); i++) {
            Membership.Order order = orders.get(i);
            hand(Route.direct(order.member(), order.nodes()));
        }
    }

    private void hand(Route route) {
        Seat seat = seats.get(route.member());
        if (seat.idle) {
            seat.idle = false;
            seat.owed = route.shards();
            seat.passesOn = !route.below().isEmpty();
            seat.link.order(round, route);
        } else {
            seat.pending = seat.pending == null ? route : seat.pending.plus(route);
        }
    }

    private void wake() {
        if (failure != null || (round != null && membership.isComplete())) {
            complete = true;
            LockSupport.unpark(trainingThread);
        }
    }
}
