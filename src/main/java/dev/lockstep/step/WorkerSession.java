package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What a worker process does with orders, whatever wires they come over: from the driver, or from a worker above it. One
 * order at a time is carried out, others wait: the team computes the worker's own parts, {@link Relay} sees to those below,
 * and what belongs together is added up along the reduction tree before it is handed in. Owns the process's copy of the
 * weights.
 */
final class WorkerSession implements AutoCloseable {
    /** Who computes the worker's own parts, one order at a time, and hands them in by {@link #done}. */
    interface Team {
        /** @param isHelped whether the thread that brought the order sees to it that one task's share is done */
        void submit(Work work, boolean isHelped);
    }

    private record Waiting(Wire from, ByteBuffer frame) {}

    private final StepPlan plan;
    private final OrderCodec orders;
    private final ParameterCodec codec;
    private final PartsWriter writer;
    private final ReductionTree tree;
    private final Team team;
    private final Relay relay; // null if nobody can be below
    private final Parameters weights;
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private final Map<Wire, ByteBuffer> answers = new HashMap<>(); // each is free when its wire brings another order
    private final Map<Node, GradientPart> available = new HashMap<>();
    private Wire driver;
    private Wire from; // of the order under way; null if it has ended
    private OrderCodec.Order order; // under way; null for none
    private Work work;
    private boolean isOwnDone;
    private long version;
    private boolean stopped;

    /**
     * @param team takes work that is handed in by {@link #done}, one at a time
     * @param roads to workers below; null if there are to be none
     */
    WorkerSession(StepPlan plan, Team team, Relay.Roads roads) {
        this.plan = plan;
        this.orders = new OrderCodec(plan);
        this.codec = new ParameterCodec(plan.shape(), plan.kernels());
        this.writer = new PartsWriter(plan);
        this.tree = new ReductionTree(plan.shards(), plan.kernels());
        this.team = team;
        this.weights = new Parameters(plan.shape());
        this.relay = roads == null ? null : new Relay(plan, this, roads, this::answerIfWhole);
    }

    /** The wire over which failures are reported. */
    synchronized void driver(Wire wire) {
        driver = wire;
    }

    /**
     * An order comes. If another is under way, it waits.
     *
     * @throws MalformedFrameException if it is none
     */
    synchronized void order(Wire wire, ByteBuffer frame) {
        if (stopped) {
            return;
        }
        if (order == null) {
            begin(wire, frame, true);
            return;
        }
        boolean isFirst = wire != from && waiting.stream().noneMatch(other -> other.from == wire);
        FrameLayout.require(isFirst, "orders under way", 0, 1);
        ByteBuffer copy = FrameLayout.room(frame.limit());
        waiting.add(new Waiting(wire, copy.put(0, frame, 0, frame.limit())));
    }

    private void begin(Wire wire, ByteBuffer frame, boolean isHelped) {
        OrderCodec.Order next = orders.read(frame);
        List<Route> below = next.route().below();
        FrameLayout.require(below.isEmpty() || relay != null, "workers below", 0, below.size());
        if (next.update() != null) {
            apply(next.update());
            if (relay != null) {
                relay.begin(next.round(), below, next.update(), weights);
            }
        }
        from = wire;
        order = next;
        isOwnDone = false;
        work = next.round().kind() == Work.Kind.LOAD
                ? Work.load(next.route().nodes())
                : Work.of(next.round(), next.route().nodes(), next.update() == null ? null : weights);
        team.submit(work, isHelped);
    }

    private void apply(WeightsUpdate update) {
        FrameLayout.require(update.version() >= version, "version of the weights, at least", version, update.version());
        if (update.version() == version) {
            return; // told by another way already
        }
        boolean leadsOn = update.form() != null && (update.base() == 0 || update.base() == version);
        FrameLayout.require(leadsOn, "version to begin with", version, update.base());
        // The form stays as it is, for those below.
        codec.read(update.form().duplicate().order(update.form().order()), weights, false);
        version = update.version();
    }

    /** The team has done what was ordered of this worker itself, or failed to. */
    synchronized void done(Work ended) {
        if (stopped || ended != work) {
            return;
        }
        if (ended.failure != null) {
            fail(ended.failure);
            return;
        }
        isOwnDone = true;
        answerIfWhole();
    }

    private void fail(Throwable failure) {
        byte[] text = text(failure).getBytes(StandardCharsets.UTF_8);
        int textBytes = Math.min(text.length, FrameLayout.MAX_TEXT_BYTES);
        ByteBuffer frame = FrameLayout.room(FrameLayout.HEADER_BYTES + textBytes);
        int isBadInput = failure instanceof BadInputException ? 1 : 0;
        int member = order.route().member();
        FrameLayout.start(
                frame, FrameLayout.FAILED, member, textBytes, order.round().number(), -1, isBadInput);
        driver.send(FrameLayout.end(frame.put(text, 0, textBytes)), null);
    }

    private static String text(Throwable failure) {
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }

    /** The driver does not wait any longer for those below that have not delivered. */
    synchronized void handIn() {
        if (relay != null) {
            relay.handIn();
            answerIfWhole();
        }
    }

    private void answerIfWhole() {
        if (stopped || order == null || !isOwnDone || (relay != null && !relay.isWhole())) {
            return;
        }
        Wire to = from;
        ByteBuffer frame = null;
        try {
            frame = to == null ? null : answer(answers.getOrDefault(to, FrameLayout.NOTHING));
        } catch (BadInputException e) { // there is more than a frame can have
            fail(e);
            return;
        }
        int lingerMicros = order.round().lingerMicros();
        order = null;
        work = null;
        from = null;
        if (to != null) {
            answers.put(to, frame);
            to.send(frame, null);
            if (lingerMicros > 0) {
                to.linger(TimeUnit.MICROSECONDS.toNanos(lingerMicros));
            }
        }
        while (order == null && !waiting.isEmpty()) {
            Waiting next = waiting.remove();
            try {
                begin(next.from, FrameLayout.open(next.frame), false);
            } catch (MalformedFrameException e) {
                next.from.close();
            }
        }
    }

    private ByteBuffer answer(ByteBuffer room) {
        int member = order.route().member();
        long round = order.round().number();
        boolean isAlone = order.update() == null || relay == null || !relay.hasDelivered();
        List<Node> nodes = isAlone ? work.nodes : sums();
        return switch (order.round().kind()) {
            case LOAD -> {
                ByteBuffer frame = FrameLayout.room(FrameLayout.HEADER_BYTES);
                FrameLayout.start(frame, FrameLayout.READY, member, 0, -1, -1, 0);
                yield FrameLayout.end(frame);
            }
            case GRADIENT -> {
                collect(isAlone);
                yield writer.gradients(room, member, round, nodes, node -> tree.reduce(node, available));
            }
            case SCORE -> writer.results(room, FrameLayout.SCORE, member, round, nodes, this::result);
            case REPORT -> writer.results(room, FrameLayout.REPORT, member, round, nodes, this::result);
            case UPDATE -> throw new IllegalStateException("the driver updates the weights");
        };
    }

    /** The fewest nodes that are the sums of what has been computed here and below. */
    private List<Node> sums() {
        BitSet covered = (BitSet) relay.delivered().clone();
        covered.or(work.shards);
        return ReductionTree.nodes(plan.shards(), covered);
    }

    private void collect(boolean isAlone) {
        available.clear();
        for (int i = 0; i < work.nodes.size(); i++) {
            available.put(work.nodes.get(i), work.parts[i]);
        }
        if (!isAlone) {
            available.putAll(relay.parts());
        }
    }

    private ShardResult result(int shard) {
        return work.shards.get(shard) ? work.results[shard] : relay.result(shard);
    }

    /** A wire over which orders came is no more. Nobody wants the answer, so nobody below is waited for. */
    synchronized void closed(Wire wire) {
        answers.remove(wire);
        waiting.removeIf(other -> other.from == wire);
        if (wire == from) {
            from = null;
            handIn();
        }
    }

    /** Takes no order any more; what is under way is not handed in. */
    synchronized void stop() {
        stopped = true;
    }

    /** Frees what it holds. It has been stopped, and the team does nothing any more. */
    @Override
    public synchronized void close() {
        if (relay != null) {
            relay.close();
        }
        weights.close();
    }
}
