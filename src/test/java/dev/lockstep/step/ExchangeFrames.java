package dev.lockstep.step;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;

/** Frames as a worker process would send them, written by the test. */
final class ExchangeFrames {
    private ExchangeFrames() {}

    private static ByteBuffer frame(int type, int member, int count, long round, int detail, int room) {
        ByteBuffer frame = ByteBuffer.allocate(FrameLayout.HEADER_BYTES + room).order(ByteOrder.LITTLE_ENDIAN);
        FrameLayout.start(frame, type, member, count, round, -1, detail);
        return frame;
    }

    static ByteBuffer hello(byte[] secret) {
        return FrameLayout.end(
                frame(FrameLayout.HELLO, 0, 0, -1, 0, secret.length).put(secret));
    }

    /** From a worker that others cannot reach. */
    static ByteBuffer join(String name) {
        return join(name, "", 0);
    }

    static ByteBuffer join(String name, String host, int port) {
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        byte[] address = host.getBytes(StandardCharsets.UTF_8);
        ByteBuffer frame = frame(FrameLayout.JOIN, 0, text.length, -1, port, text.length + address.length);
        return FrameLayout.end(frame.put(text).put(address));
    }

    static ByteBuffer ready(int member) {
        return FrameLayout.end(frame(FrameLayout.READY, member, 0, -1, 0, 0));
    }

    static ByteBuffer empty(int type, int member) {
        return FrameLayout.end(frame(type, member, 0, -1, 0, 0));
    }

    static ByteBuffer failed(int member, String message, boolean badInput) {
        byte[] text = message.getBytes(StandardCharsets.UTF_8);
        ByteBuffer frame = frame(FrameLayout.FAILED, member, text.length, 0, badInput ? 1 : 0, text.length);
        return FrameLayout.end(frame.put(text));
    }

    /** Gradients of nodes: {@code rows} rows each, with the given values. */
    static ByteBuffer gradient(int member, long round, int rows, Parameters values, Node... nodes) {
        ParameterCodec codec = new ParameterCodec(values.shape(), KernelChoice.AUTO.kernels());
        int room = nodes.length * (FrameLayout.GRADIENT_NODE_BYTES + (int) codec.maxBytes());
        ByteBuffer frame = frame(FrameLayout.GRADIENT, member, nodes.length, round, 0, room);
        for (Node node : nodes) {
            frame.putInt(node.low()).putInt(node.high()).putInt(rows).putInt(0).putDouble(node.low() + 0.5);
            if (rows > 0) {
                codec.write(values, row -> !codec.isZero(values, row), frame);
            }
        }
        return FrameLayout.end(frame);
    }

    static ByteBuffer scores(int member, long round, int classes, Node... nodes) {
        ByteBuffer frame = frame(FrameLayout.SCORE, member, nodes.length, round, 0, 1 << 16);
        for (Node node : nodes) {
            frame.putInt(node.low()).putInt(node.high());
            for (int shard = node.low(); shard < node.high(); shard++) {
                score(classes, shard).write(frame);
            }
        }
        return FrameLayout.end(frame);
    }

    /** The score that {@link #scores} writes for a shard. */
    static Score score(int classes, int shard) {
        Score score = new Score(classes);
        for (int i = 0; i <= shard; i++) {
            score.add(i % classes, (i + shard) % classes, 0.25 * i);
        }
        return score;
    }

    static ByteBuffer reports(int member, long round, Node... nodes) {
        ByteBuffer frame = frame(FrameLayout.REPORT, member, nodes.length, round, 0, 1 << 12);
        for (Node node : nodes) {
            frame.putInt(node.low()).putInt(node.high());
            for (long shard = node.low(); shard < node.high(); shard++) {
                frame.putLong(~shard).putLong(shard << 32).putLong(shard);
            }
        }
        return FrameLayout.end(frame);
    }

    /** A copy with one thing wrong, that no reader can take for right. */
    static ByteBuffer spoil(ByteBuffer frame, Random random) {
        byte[] bytes = new byte[frame.remaining()];
        frame.get(frame.position(), bytes);
        ByteBuffer copy = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int count = copy.getInt(FrameLayout.COUNT_OFFSET);
        switch (random.nextInt(8)) {
            case 0 -> copy.limit(random.nextInt(bytes.length)); // cut off
            case 1 -> { // cut off, with a length that says so
                copy.limit(FrameLayout.HEADER_BYTES + random.nextInt(bytes.length - FrameLayout.HEADER_BYTES));
                copy.putInt(FrameLayout.BODY_LENGTH_OFFSET, copy.limit() - FrameLayout.HEADER_BYTES);
            }
            case 2 -> copy.putInt(FrameLayout.COUNT_OFFSET, pick(random, -1, 0, Integer.MIN_VALUE, Integer.MAX_VALUE));
            case 3 -> copy.putInt(FrameLayout.COUNT_OFFSET, count + pick(random, 1, -1));
            case 4 -> copy.putInt(FrameLayout.BODY_LENGTH_OFFSET, random.nextInt());
            case 5 -> copy.putInt(FrameLayout.MAGIC_OFFSET, random.nextInt());
            case 6 -> copy.putInt(FrameLayout.HEADER_BYTES, pick(random, -1, Integer.MAX_VALUE, 1 << 20)); // low
            default -> copy.putInt(FrameLayout.HEADER_BYTES + 4, pick(random, -1, 0, Integer.MAX_VALUE)); // high
        }
        return copy;
    }

    /** A copy with one thing wrong, that shows when it comes as part of a stream, in which nobody sees where it was cut off. */
    static ByteBuffer spoilOnWire(ByteBuffer frame, Random random) {
        while (true) {
            ByteBuffer spoiled = spoil(frame, random);
            if (spoiled.limit() < FrameLayout.HEADER_BYTES) {
                continue;
            }
            int body = spoiled.getInt(FrameLayout.BODY_LENGTH_OFFSET);
            if (body < 0 || body <= spoiled.limit() - FrameLayout.HEADER_BYTES) {
                return spoiled;
            }
        }
    }

    static int pick(Random random, int... values) {
        return values[random.nextInt(values.length)];
    }
}
