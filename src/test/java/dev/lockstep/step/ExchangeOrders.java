package dev.lockstep.step;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.net.Parameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Frames as the driver would send them, written by the test. */
final class ExchangeOrders {
    static final int MEMBER = 9;
    static final long VERSION = 1;

    private ExchangeOrders() {}

    static ByteBuffer load(Node... nodes) {
        return FrameLayout.end(order(FrameLayout.LOAD, -1, -1, 0, 0, nodes));
    }

    static ByteBuffer report(long round, Node... nodes) {
        return FrameLayout.end(order(FrameLayout.REPORT, round, -1, 0, 0, nodes));
    }

    static ByteBuffer over() {
        return FrameLayout.end(order(FrameLayout.OVER, -1, -1, 0, 0));
    }

    /** Over for this worker alone. */
    static ByteBuffer dismissed() {
        return FrameLayout.end(order(FrameLayout.OVER, -1, -1, 1, 0));
    }

    /** @param weights all of them travel; null if they have not changed */
    static ByteBuffer gradient(long round, long step, Parameters weights, Node... nodes) {
        return withWeights(FrameLayout.GRADIENT, round, step, 0, weights, nodes);
    }

    /** A gradient's order whose worker lingers after it. */
    static ByteBuffer lingering(int micros, Parameters weights, Node... nodes) {
        return withWeights(FrameLayout.GRADIENT, 0, 0, micros, weights, nodes);
    }

    /** @param weights all of them travel; null if they have not changed */
    static ByteBuffer score(long round, int split, Parameters weights, Node... nodes) {
        return withWeights(FrameLayout.SCORE, round, -1, split, weights, nodes);
    }

    private static ByteBuffer withWeights(
            int type, long round, long step, int detail, Parameters weights, Node... nodes) {
        if (weights == null) {
            return FrameLayout.end(order(type, round, step, detail, 20, nodes)
                    .putInt(0)
                    .putLong(VERSION)
                    .putLong(VERSION));
        }
        ParameterCodec codec = new ParameterCodec(weights.shape(), KernelChoice.AUTO.kernels());
        ByteBuffer frame = order(type, round, step, detail, 20 + (int) codec.maxBytes(), nodes);
        codec.write(weights, row -> true, frame.putInt(0).putLong(0).putLong(VERSION));
        return FrameLayout.end(frame);
    }

    static ByteBuffer order(int type, long round, long step, int detail, int more, Node... nodes) {
        int room = FrameLayout.HEADER_BYTES + nodes.length * FrameLayout.NODE_BYTES + more;
        ByteBuffer frame = ByteBuffer.allocate(room).order(ByteOrder.LITTLE_ENDIAN);
        FrameLayout.start(frame, type, MEMBER, nodes.length, round, step, detail);
        for (Node node : nodes) {
            frame.putInt(node.low()).putInt(node.high());
        }
        return frame;
    }
}
