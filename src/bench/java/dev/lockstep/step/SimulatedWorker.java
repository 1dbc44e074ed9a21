package dev.lockstep.step;

import dev.lockstep.net.Parameters;
import dev.lockstep.step.StepCost.Machine;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A worker process in virtual time: a real {@link WorkerSession} with a real {@link Relay}, whose wires are simulated, and in the
 * place of its team a computation that gives true gradients and scores after the time that the model says. What it does
 * with frames of its wires is what {@link ExchangeClient} does.
 */
final class SimulatedWorker {
    private final SimulatedCluster cluster;
    private final SimulatedProcess process;
    private final WorkerSession session;
    private final Route.Address address;
    private final Map<Node, GradientPart> parts = new HashMap<>();
    private final List<SimulatedWire> wires = new ArrayList<>();
    private RuntimeException sabotage;
    private long preparedStep = -1;
    private Node preparedNode;
    private boolean isGone;

    SimulatedWorker(SimulatedCluster cluster, SimulatedProcess process, Route.Address address) {
        this.cluster = cluster;
        this.process = process;
        this.address = address;
        this.session = new WorkerSession(cluster.plan(), this::carryOut, this::connect);
    }

    /** Comes to the driver. */
    void join() {
        SimulatedWire ofDriver =
                SimulatedWire.connect(cluster.network(), cluster.driver(), cluster.members(), process, new FromDriver());
        SimulatedWire wire = ofDriver.other();
        wires.add(wire);
        session.driver(wire);
        byte[] name = process.toString().getBytes(StandardCharsets.UTF_8);
        byte[] host = address.host().getBytes(StandardCharsets.UTF_8);
        ByteBuffer join = FrameLayout.room(FrameLayout.HEADER_BYTES + name.length + host.length);
        FrameLayout.start(join, FrameLayout.JOIN, 0, name.length, -1, -1, address.port());
        FrameLayout.end(join.put(name).put(host));
        process.submit(0, () -> wire.send(join, null));
    }

    SimulatedProcess process() {
        return process;
    }

    Route.Address address() {
        return address;
    }

    /** Connections to workers above and below that stand. */
    List<SimulatedWire> wiresToWorkers() {
        return wires.stream()
                .filter(wire -> wire.isOpen() && wire.other().owner() != cluster.driver())
                .toList();
    }

    /** Whether it does what it is told. */
    boolean isAtWork() {
        return !isGone && !process.isSilent();
    }

    boolean isGone() {
        return isGone;
    }

    /** Its next order fails by this. */
    void failBy(RuntimeException failure) {
        sabotage = failure;
    }

    /** The process ends, whatever it is doing. */
    void die() {
        isGone = true;
        process.die();
        wires.forEach(SimulatedWire::died);
        cluster.left(this);
    }

    // --- The roads to workers below ---

    private void connect(Route.Address to, Wire.Listener listener, Consumer<Wire> connected) {
        SimulatedNetwork network = cluster.network();
        SimulatedWorker target = cluster.at(to);
        // There and back for the connection, there and back for hello and welcome.
        double answeredSeconds = process.clockSeconds() + 4 * network.latencySeconds();
        boolean isHeard = target != null && !target.process.isSilent();
        network.at(answeredSeconds + (isHeard || target == null ? 0 : SimulatedCluster.WELCOME_SECONDS), () -> {
            boolean isThere = isHeard && !target.isGone && !isGone;
            SimulatedWire wire = !isThere
                    ? null
                    : SimulatedWire.connect(network, process, listener, target.process, target.new FromAbove());
            if (wire != null) {
                wires.add(wire);
                target.wires.add(wire.other());
            }
            process.submit(0, () -> connected.accept(wire));
        });
    }

    // --- In the place of the team ---

    private void carryOut(Work work, boolean isHelped) {
        double seconds = 0;
        try {
            if (sabotage != null) {
                throw sabotage;
            }
            switch (work.kind) {
                case LOAD -> seconds = SimulatedCluster.LOAD_SECONDS;
                case GRADIENT -> seconds = gradients(work);
                case SCORE, REPORT -> results(work);
            }
        } catch (RuntimeException e) {
            work.failure = e;
        }
        process.submit(seconds, () -> {
            session.done(work);
            prepareNext(work);
        });
    }

    private double gradients(Work work) {
        Machine machine = cluster.network().machine();
        double seconds = 0;
        work.parts = new GradientPart[work.nodes.size()];
        for (int i = 0; i < work.parts.length; i++) {
            Node node = work.nodes.get(i);
            GradientPart part = parts.computeIfAbsent(node, this::newPart);
            cluster.gradient().alone(work.step, List.of(node), cluster.store(), 1, work.weights, key -> part);
            work.parts[i] = part;
            boolean isPrepared = work.step == preparedStep && node.equals(preparedNode);
            seconds += isPrepared ? 0 : prepareSeconds(part.rows());
            seconds += part.rows() == 0 ? 0 : machine.partSeconds() + part.rows() * machine.exampleSeconds();
        }
        return seconds;
    }

    private GradientPart newPart(Node node) {
        return new GradientPart(node.low(), node.high(), new Parameters(cluster.plan().shape()));
    }

    private double prepareSeconds(int rows) {
        Machine machine = cluster.network().machine();
        return machine.drawSeconds() * cluster.plan().batchSize() + machine.prepareSeconds() * rows;
    }

    /** As the thread does that has computed a part; about as many examples will be in the next. */
    private void prepareNext(Work work) {
        if (work.kind == Work.Kind.GRADIENT && work.failure == null) {
            GradientPart last = work.parts[work.parts.length - 1];
            process.spend(prepareSeconds(last.rows()));
            preparedStep = work.step + 1;
            preparedNode = work.nodes.get(work.parts.length - 1);
        }
    }

    private void results(Work work) {
        work.results = new ShardResult[cluster.plan().shards()];
        work.shards.stream().forEach(shard -> {
            work.results[shard] = work.kind == Work.Kind.SCORE
                    ? new ShardResult(
                            cluster.computer().score(work.split, work.weights, cluster.store(), shard), null)
                    : new ShardResult(null, cluster.store().report(shard));
        });
    }

    /** Frees what it holds. */
    void close() {
        session.stop();
        session.close();
        parts.values().forEach(GradientPart::close);
    }

    /** What the driver says. */
    private final class FromDriver implements Wire.Listener {
        @Override
        public void received(Wire wire, ByteBuffer frame) {
            switch (frame.getInt(FrameLayout.TYPE_OFFSET)) {
                case FrameLayout.OVER -> {
                    boolean goesOn = frame.getInt(FrameLayout.DETAIL_OFFSET) == 1;
                    die();
                    if (goesOn) {
                        cluster.dismissed();
                    }
                }
                case FrameLayout.HAND_IN -> session.handIn();
                default -> session.order(wire, frame);
            }
        }

        @Override
        public void closed(Wire wire) {
            die();
        }
    }

    /** What workers above say. */
    private final class FromAbove implements Wire.Listener {
        @Override
        public void received(Wire wire, ByteBuffer frame) {
            session.order(wire, frame);
        }

        @Override
        public void closed(Wire wire) {
            session.closed(wire);
        }
    }
}
