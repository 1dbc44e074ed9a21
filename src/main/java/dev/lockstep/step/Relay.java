package dev.lockstep.step;

import dev.lockstep.net.Parameters;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a worker does for those below it: it passes orders and weights on to them and collects their parts. One round at a
 * time. Whoever cannot be reached, breaks the protocol or ends its connection is done without; the driver, which has a link
 * to everybody, sees to the rest. All calls hold the session's lock; what comes from wires takes it first.
 */
final class Relay implements PartSink, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Relay.class);

    /** Makes connections to other workers. Must not block. */
    interface Roads {
        /**
         * Connects.
         *
         * @param connected called later, or during the call, by any thread, with null if that worker cannot be reached
         */
        void connect(Route.Address address, Wire.Listener listener, Consumer<Wire> connected);
    }

    /** A worker below. */
    private static final class Child {
        final int member;
        final BitSet asked = new BitSet(); // shards of this round that are still to come by way of it
        Wire wire; // null until it stands
        Route route;
        boolean isOwing;
        long version; // of the weights that it was told last
        ByteBuffer head = FrameLayout.room(FrameLayout.HEADER_BYTES);

        Child(int member) {
            this.member = member;
        }
    }

    private final Object lock;
    private final Roads roads;
    private final Runnable changed;
    private final ParameterCodec codec;
    private final ExchangeDeliveries deliveries;
    private final Map<Integer, Child> children = new HashMap<>();
    private final Map<Node, GradientPart> parts = new HashMap<>();
    private final ShardResult[] results;
    private final BitSet delivered = new BitSet();
    private final ByteBuffer change;
    private final ByteBuffer everything;
    private Coordinator.Round round;
    private WeightsUpdate update;
    private Parameters weights;
    private long everythingOfVersion;

    /**
     * @param lock guards this object
     * @param changed called with the lock held when somebody below has delivered or is done without
     */
    Relay(StepPlan plan, Object lock, Roads roads, Runnable changed) {
        this.lock = lock;
        this.roads = roads;
        this.changed = changed;
        this.codec = new ParameterCodec(plan.shape(), plan.kernels());
        this.deliveries = new ExchangeDeliveries(plan, this);
        this.results = new ShardResult[plan.shards()];
        this.change = FrameLayout.room(codec.maxBytes());
        this.everything = FrameLayout.room(codec.maxBytes());
    }

    /**
     * Passes a round on.
     *
     * @param below whom to pass it on to
     * @param newUpdate what was told of the weights; its form is copied
     * @param newWeights what came of it; not changed during the round
     */
    void begin(Coordinator.Round newRound, List<Route> below, WeightsUpdate newUpdate, Parameters newWeights) {
        round = newRound;
        weights = newWeights;
        parts.clear();
        delivered.clear();
        dropOthers(below);
        if (below.isEmpty()) {
            return;
        }
        update = newUpdate;
        if (newUpdate.form() != null) {
            update = new WeightsUpdate(
                    newUpdate.base(),
                    newUpdate.version(),
                    change.clear().put(newUpdate.form()).flip());
        }
        for (Route route : below) {
            Child child = children.computeIfAbsent(route.member(), Child::new);
            child.route = route;
            child.isOwing = true;
            child.asked.clear();
            ask(child.asked, route);
            if (child.wire != null) {
                pass(child);
            } else {
                roads.connect(route.address(), listener(child), wire -> connected(child, wire));
            }
        }
    }

    private static void ask(BitSet shards, Route route) {
        route.nodes().forEach(node -> shards.set(node.low(), node.high()));
        route.below().forEach(further -> ask(shards, further));
    }

    private void dropOthers(List<Route> below) {
        if (children.isEmpty()) {
            return;
        }
        var wanted = below.stream().map(Route::member).collect(Collectors.toSet());
        for (Iterator<Child> each = children.values().iterator(); each.hasNext(); ) {
            Child child = each.next();
            if (!wanted.contains(child.member)) {
                each.remove();
                closeWire(child);
            }
        }
    }

    private void connected(Child child, Wire wire) {
        synchronized (lock) {
            if (children.get(child.member) != child) { // given up meanwhile
                if (wire != null) {
                    wire.close();
                }
            } else if (wire == null) {
                giveUp(child, "it cannot be reached at " + child.route.address());
                changed.run();
            } else {
                child.wire = wire;
                pass(child);
            }
        }
    }

    private void pass(Child child) {
        boolean knowsBase = child.version != 0 && child.version == update.base();
        WeightsUpdate told = knowsBase ? update : new WeightsUpdate(0, update.version(), everything());
        child.version = update.version();
        child.head = OrderCodec.write(child.head, round, child.route, told);
        child.wire.send(child.head, told.form() == null ? null : told.form().duplicate());
    }

    private ByteBuffer everything() {
        if (everythingOfVersion != update.version()) {
            everything.clear();
            codec.write(weights, row -> true, everything);
            everything.flip();
            everythingOfVersion = update.version();
        }
        return everything;
    }

    private Wire.Listener listener(Child child) {
        return new Wire.Listener() {
            @Override
            public void received(Wire wire, ByteBuffer frame) {
                synchronized (lock) {
                    if (children.get(child.member) == child) {
                        take(child, frame);
                        changed.run();
                    }
                }
            }

            @Override
            public void closed(Wire wire) {
                synchronized (lock) {
                    if (children.get(child.member) == child) {
                        giveUp(child, "its connection ended");
                        changed.run();
                    }
                }
            }
        };
    }

    private void take(Child child, ByteBuffer frame) {
        FrameLayout.require(
                frame.getInt(FrameLayout.MEMBER_OFFSET) == child.member,
                "member",
                child.member,
                frame.getInt(FrameLayout.MEMBER_OFFSET));
        FrameLayout.require(child.isOwing, "answers to one order, at most", 1, 2);
        deliveries.take(child.member, frame);
        child.isOwing = false;
    }

    private void giveUp(Child child, String reason) {
        LOG.info("member {} below is done without: {}", child.member, reason);
        children.remove(child.member);
        closeWire(child);
    }

    private static void closeWire(Child child) {
        if (child.wire != null) {
            child.wire.close();
        }
    }

    /** Does without those who have not delivered yet. */
    void handIn() {
        for (Child child : List.copyOf(children.values())) {
            if (child.isOwing) {
                giveUp(child, "the driver does not wait for it any longer");
            }
        }
    }

    /** Whether nobody below owes anything. */
    boolean isWhole() {
        for (Child child : children.values()) {
            if (child.isOwing) {
                return false;
            }
        }
        return true;
    }

    /** Whether anything has come from below in this round. */
    boolean hasDelivered() {
        return !delivered.isEmpty();
    }

    /** Shards of which something has come from below. */
    BitSet delivered() {
        return delivered;
    }

    /** Gradients that have come from below. */
    Map<Node, GradientPart> parts() {
        return parts;
    }

    /** What has come from below of a shard. */
    ShardResult result(int shard) {
        return results[shard];
    }

    @Override
    public Work.Kind kindOf(long number) {
        return round == null || round.number() != number ? null : round.kind();
    }

    @Override
    public void take(int member, long ofRound, Node node, Supplier<GradientPart> part) {
        if (isWanted(member, ofRound, node)) {
            parts.put(node, part.get());
        }
    }

    @Override
    public void take(int member, long ofRound, Node node, IntFunction<ShardResult> ofShard) {
        if (isWanted(member, ofRound, node)) {
            for (int shard = node.low(); shard < node.high(); shard++) {
                results[shard] = ofShard.apply(shard);
            }
        }
    }

    private boolean isWanted(int member, long ofRound, Node node) {
        BitSet asked = children.get(member).asked;
        if (ofRound != round.number() || asked.nextClearBit(node.low()) < node.high()) {
            LOG.debug("part {} of round {} from member {} below refused", node, ofRound, member);
            return false;
        }
        asked.clear(node.low(), node.high());
        delivered.set(node.low(), node.high());
        return true;
    }

    /** Ends all connections to those below, and frees what it holds. */
    @Override
    public void close() {
        children.values().forEach(Relay::closeWire);
        children.clear();
        deliveries.close();
    }
}
