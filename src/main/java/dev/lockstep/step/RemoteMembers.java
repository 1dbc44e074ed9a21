package dev.lockstep.step;

import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The driver's end of the protocol with worker processes, whatever wires it goes over: frames are read where they arrive
 * and answered when there is something to do. Owns the room for parts and for what is told of the weights.
 */
final class RemoteMembers implements Wire.Listener, AutoCloseable {
    private static final int MAX_PORT = (1 << 16) - 1;

    private final Coordinator coordinator;
    private final Map<Wire, RemoteMember> members = new ConcurrentHashMap<>();
    private final ExchangeDeliveries deliveries;
    private final WeightsUpdates updates;
    private final AtomicLong bytesUp = new AtomicLong();
    private final AtomicLong bytesDown = new AtomicLong();

    RemoteMembers(StepPlan plan, Coordinator coordinator) {
        this.coordinator = coordinator;
        this.deliveries = new ExchangeDeliveries(plan, coordinator);
        this.updates = new WeightsUpdates(plan.shape(), plan.kernels());
    }

    long bytesUp() {
        return bytesUp.get();
    }

    long bytesDown() {
        return bytesDown.get();
    }

    @Override
    public void received(Wire wire, ByteBuffer frame) {
        bytesUp.addAndGet(frame.limit());
        int type = frame.getInt(FrameLayout.TYPE_OFFSET);
        RemoteMember member = members.get(wire);
        if (member == null) {
            FrameLayout.require(type == FrameLayout.JOIN, "type of a worker's first frame", FrameLayout.JOIN, type);
            join(wire, frame);
            return;
        }
        int number = frame.getInt(FrameLayout.MEMBER_OFFSET);
        FrameLayout.require(number == member.number, "member", member.number, number);
        member.heardNanos = System.nanoTime();
        if (type == FrameLayout.ALIVE) {
            FrameLayout.require(!frame.hasRemaining(), "bytes of a sign of life", 0, frame.remaining());
            return;
        }
        // Who is ordered by way of another has a request here all the time, and may fail all the same.
        FrameLayout.require(type == FrameLayout.FAILED || !member.hasRequest, "requests under way", 0, 1);
        member.hasRequest = true;
        boolean belongs = true;
        switch (type) {
            case FrameLayout.READY -> {
                FrameLayout.require(!frame.hasRemaining(), "bytes of a worker that is ready", 0, frame.remaining());
                belongs = coordinator.ready(number);
            }
            case FrameLayout.GRADIENT, FrameLayout.SCORE, FrameLayout.REPORT -> {
                deliveries.take(number, frame);
                belongs = coordinator.idle(number);
            }
            case FrameLayout.FAILED -> {
                int textBytes = frame.getInt(FrameLayout.COUNT_OFFSET);
                FrameLayout.require(textBytes == frame.remaining(), "bytes of a text", frame.remaining(), textBytes);
                coordinator.failed(
                        number, text(frame, FrameLayout.MAX_TEXT_BYTES), frame.getInt(FrameLayout.DETAIL_OFFSET) == 1);
                belongs = false; // it goes, whether the run ends by it or not
            }
            default -> throw new MalformedFrameException("type: found " + type);
        }
        if (!belongs) {
            synchronized (coordinator) { // the end of the run may tell it at the same time
                member.over();
            }
        }
        coordinator.goOn();
    }

    private void join(Wire wire, ByteBuffer frame) {
        int nameBytes = frame.getInt(FrameLayout.COUNT_OFFSET);
        int port = frame.getInt(FrameLayout.DETAIL_OFFSET);
        FrameLayout.require(
                nameBytes >= 0 && nameBytes <= Math.min(FrameLayout.MAX_TEXT_BYTES, frame.remaining()),
                "bytes of a name, at most",
                Math.min(FrameLayout.MAX_TEXT_BYTES, frame.remaining()),
                nameBytes);
        FrameLayout.require(port >= 0 && port <= MAX_PORT, "port, at most", MAX_PORT, port);
        String name = text(frame, nameBytes);
        FrameLayout.require(
                port == 0 || (frame.hasRemaining() && frame.remaining() <= OrderCodec.MAX_HOST_BYTES),
                "bytes of a host, at most",
                OrderCodec.MAX_HOST_BYTES,
                frame.remaining());
        String host = text(frame, FrameLayout.MAX_TEXT_BYTES);
        RemoteMember member = new RemoteMember(wire);
        members.put(wire, member);
        Route.Address address = port == 0 ? null : new Route.Address(host, port);
        coordinator.join(name, address, member, number -> member.number = number);
    }

    private static String text(ByteBuffer frame, int maxBytes) {
        byte[] text = new byte[Math.min(frame.remaining(), maxBytes)];
        frame.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }

    /** A long frame takes its time on a slow network. */
    @Override
    public void heard(Wire wire) {
        RemoteMember member = members.get(wire);
        if (member != null) {
            member.heardNanos = System.nanoTime();
        }
    }

    @Override
    public void closed(Wire wire) {
        RemoteMember member = members.remove(wire);
        if (member != null) {
            coordinator.leave(member.number, "its connection ended");
            coordinator.goOn(); // its last part may have been accepted, and not have been read for want of memory
        }
    }

    /** The coordinator has ended, so that nothing of what still comes is taken. */
    @Override
    public void close() {
        deliveries.close();
        updates.close();
    }

    /** A worker process, as the driver sees it. Orders answer its last request. Guarded by the coordinator's monitor. */
    private final class RemoteMember implements Coordinator.Link {
        private final Wire wire;
        private volatile int number;
        private volatile boolean hasRequest = true; // the one to join
        private volatile long heardNanos = System.nanoTime();
        private final WeightsUpdates.Reader weights = updates.newReader();
        private ByteBuffer head = FrameLayout.room(FrameLayout.HEADER_BYTES);

        RemoteMember(Wire wire) {
            this.wire = wire;
        }

        @Override
        public void load(List<Node> nodes) {
            order(new Coordinator.Round(-1, Work.Kind.LOAD, -1, null, null), Route.direct(number, nodes));
        }

        /** The head's buffer is free: the worker has sent a request since it was used last. */
        @Override
        public void order(Coordinator.Round round, Route route) {
            WeightsUpdate update = round.weights() == null ? null : weights.next(round);
            head = OrderCodec.write(head, round, route, update);
            answer(head, update == null ? null : update.form());
        }

        @Override
        public void carried() {
            weights.forget();
        }

        @Override
        public long heardNanos() {
            return heardNanos;
        }

        @Override
        public void handIn() {
            send(FrameLayout.HAND_IN, 0);
        }

        @Override
        public void over() {
            if (hasRequest) {
                hasRequest = false;
                send(FrameLayout.OVER, coordinator.isOver() ? 0 : 1);
            } else if (!coordinator.isOver()) {
                wire.close(); // given up while it was busy: what is still on its way to it must not change any more
            }
        }

        private void send(int type, int detail) {
            ByteBuffer frame = FrameLayout.room(FrameLayout.HEADER_BYTES);
            FrameLayout.start(frame, type, number, 0, -1, -1, detail);
            bytesDown.addAndGet(FrameLayout.HEADER_BYTES);
            wire.send(FrameLayout.end(frame), null);
        }

        private void answer(ByteBuffer first, ByteBuffer rest) {
            bytesDown.addAndGet(first.remaining() + (rest == null ? 0L : rest.remaining()));
            hasRequest = false;
            wire.send(first, rest);
        }
    }
}
