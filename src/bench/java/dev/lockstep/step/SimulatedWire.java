package dev.lockstep.step;

import java.nio.ByteBuffer;

/**
 * One end of a connection between two simulated processes. A frame waits for the sender's interface, takes the latency,
 * waits for the receiver's interface (bytes flow through, so a frame alone takes its transfer time once), and then for the
 * receiver's CPU. Frames of one end arrive in order; its end of the connection is the last of them.
 */
final class SimulatedWire implements Wire {
    private final SimulatedNetwork network;
    private final SimulatedProcess owner;
    private final boolean isLower;
    private Listener listener;
    private SimulatedWire other;
    private double lastArrivalSeconds;
    private boolean isClosed; // from here: nothing is sent or received any more
    private boolean isOver; // from anywhere: the listener has been told, or is about to be

    private SimulatedWire(SimulatedNetwork network, SimulatedProcess owner, boolean isLower) {
        this.network = network;
        this.owner = owner;
        this.isLower = isLower;
    }

    /**
     * Connects two processes.
     *
     * @param lower who is told what to do, and answers
     * @return the end of {@code upper}
     */
    static SimulatedWire connect(
            SimulatedNetwork network,
            SimulatedProcess upper,
            Listener ofUpper,
            SimulatedProcess lower,
            Listener ofLower) {
        SimulatedWire wire = new SimulatedWire(network, upper, false);
        wire.other = new SimulatedWire(network, lower, true);
        wire.other.other = wire;
        wire.listener = ofUpper;
        wire.other.listener = ofLower;
        return wire;
    }

    SimulatedWire other() {
        return other;
    }

    SimulatedProcess owner() {
        return owner;
    }

    boolean isOpen() {
        return !isOver && !other.isOver;
    }

    @Override
    public void send(ByteBuffer head, ByteBuffer rest) {
        if (isOver || owner.isDead()) {
            return;
        }
        ByteBuffer frame = FrameLayout.room(head.remaining() + (rest == null ? 0L : rest.remaining()));
        frame.put(head.duplicate());
        if (rest != null) {
            frame.put(rest.duplicate());
        }
        frame.flip();
        owner.spend(network.costs().sendSeconds(frame, isLower));
        travel(frame.limit(), () -> other.arrived(frame));
    }

    /** Lets bytes travel, and then something happen at the other end. */
    private void travel(int bytes, Runnable then) {
        double sentSeconds = owner.send(bytes);
        lastArrivalSeconds = Math.max(lastArrivalSeconds, sentSeconds + network.latencySeconds());
        network.at(lastArrivalSeconds, () -> {
            if (owner.lived(sentSeconds)) {
                network.at(other.owner.receive(bytes), then);
            }
        });
    }

    private void arrived(ByteBuffer frame) {
        if (!isClosed) {
            owner.submit(network.costs().receiveSeconds(frame, !isLower), () -> deliver(frame));
        }
    }

    private void deliver(ByteBuffer frame) {
        if (isClosed) {
            return;
        }
        try {
            listener.received(this, FrameLayout.open(frame));
        } catch (FrameLayout.MalformedFrameException e) {
            network.malformed(owner + " from " + peer() + ": " + e.getMessage());
            close();
        }
    }

    @Override
    public void close() {
        isClosed = true;
        if (!isOver) {
            over();
            travel(0, other::over);
        }
    }

    private void over() {
        if (!isOver) {
            isOver = true;
            owner.submit(0, () -> listener.closed(this));
        }
    }

    /** The connection breaks: what is under way is lost, and both ends are told. */
    void cut() {
        isClosed = true;
        other.isClosed = true;
        over();
        other.over();
    }

    /** This end's process has died. */
    void died() {
        isClosed = true;
        lastArrivalSeconds = Math.max(lastArrivalSeconds, network.nowSeconds() + network.latencySeconds());
        network.at(lastArrivalSeconds, () -> network.at(other.owner.receive(0), other::over));
    }

    private String peer() {
        return other.owner.toString();
    }
}
