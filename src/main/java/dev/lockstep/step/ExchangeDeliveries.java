package dev.lockstep.step;

import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * What worker processes deliver: reads their frames of gradients, scores and reports into a sink. A frame is checked as a
 * whole before any of it is taken. Owns room for the gradient of each node that ever came, guarded by the sink's lock.
 */
final class ExchangeDeliveries implements AutoCloseable {
    private static final int GRADIENT_REST_BYTES = FrameLayout.GRADIENT_NODE_BYTES - FrameLayout.NODE_BYTES;

    private final StepPlan plan;
    private final PartSink sink;
    private final ParameterCodec codec;
    private final int scoreBytes;
    private final Map<Node, GradientPart> parts = new HashMap<>();

    ExchangeDeliveries(StepPlan plan, PartSink sink) {
        this.plan = plan;
        this.sink = sink;
        this.codec = new ParameterCodec(plan.shape(), plan.kernels());
        this.scoreBytes = FrameLayout.scoreShardBytes(plan);
    }

    /**
     * Takes what is wanted of a frame of type GRADIENT, SCORE or REPORT.
     *
     * @param frame its position is at the body
     * @throws MalformedFrameException if it is not what its type says, or not what the round asks for; nothing is taken
     */
    void take(int member, ByteBuffer frame) {
        int type = frame.getInt(FrameLayout.TYPE_OFFSET);
        long round = frame.getLong(FrameLayout.ROUND_OFFSET);
        int count = frame.getInt(FrameLayout.COUNT_OFFSET);
        int body = frame.position();
        requireKind(type, round);
        requireWhole(type, count, frame);
        frame.position(body);
        for (int i = 0; i < count; i++) {
            Node node = FrameLayout.node(frame, plan.shards());
            if (type == FrameLayout.GRADIENT) {
                takeGradient(member, round, node, frame);
            } else {
                takeResults(member, round, node, frame, type);
            }
        }
    }

    private void requireKind(int type, long round) {
        Work.Kind found = switch (type) {
            case FrameLayout.GRADIENT -> Work.Kind.GRADIENT;
            case FrameLayout.SCORE -> Work.Kind.SCORE;
            case FrameLayout.REPORT -> Work.Kind.REPORT;
            default -> throw new MalformedFrameException("type of a delivery: found " + type);
        };
        Work.Kind expected = sink.kindOf(round);
        if (expected != null && expected != found) {
            throw new MalformedFrameException("round " + round + ": expected " + expected + ", found " + found);
        }
    }

    private void requireWhole(int type, int count, ByteBuffer frame) {
        FrameLayout.require(count >= 1 && count <= plan.shards(), "nodes, at most", plan.shards(), count);
        for (int i = 0; i < count; i++) {
            Node node = FrameLayout.node(frame, plan.shards());
            if (type == FrameLayout.GRADIENT) {
                requireGradient(frame);
            } else {
                long bytes = (long) resultBytes(type) * (node.high() - node.low());
                FrameLayout.require(frame.remaining() >= bytes, "bytes of results", bytes, frame.remaining());
                frame.position(frame.position() + (int) bytes);
            }
        }
        FrameLayout.require(!frame.hasRemaining(), "bytes after the last node", 0, frame.remaining());
    }

    private void requireGradient(ByteBuffer frame) {
        FrameLayout.require(
                frame.remaining() >= GRADIENT_REST_BYTES, "bytes of a part", GRADIENT_REST_BYTES, frame.remaining());
        int rows = frame.getInt(frame.position());
        FrameLayout.require(rows >= 0 && rows <= plan.batchSize(), "rows, at most", plan.batchSize(), rows);
        frame.position(frame.position() + GRADIENT_REST_BYTES);
        if (rows != 0) {
            frame.position(frame.position() + codec.length(frame));
        }
    }

    private int resultBytes(int type) {
        return type == FrameLayout.REPORT ? FrameLayout.REPORT_SHARD_BYTES : scoreBytes;
    }

    private void takeGradient(int member, long round, Node node, ByteBuffer frame) {
        int rows = frame.getInt();
        frame.getInt();
        double lossSum = frame.getDouble();
        int end = frame.position() + (rows == 0 ? 0 : codec.length(frame));
        sink.take(member, round, node, () -> {
            GradientPart part = parts.computeIfAbsent(
                    node, key -> new GradientPart(key.low(), key.high(), new Parameters(plan.shape())));
            if (rows != 0) {
                codec.read(frame, part.values(), true);
            }
            part.set(rows, lossSum);
            return part;
        });
        frame.position(end);
    }

    private void takeResults(int member, long round, Node node, ByteBuffer frame, int type) {
        int bytes = resultBytes(type);
        int begin = frame.position();
        IntFunction<ShardResult> read = shard -> {
            frame.position(begin + (shard - node.low()) * bytes);
            return type == FrameLayout.REPORT
                    ? new ShardResult(null, new LoadReport(frame.getLong(), frame.getLong(), frame.getLong()))
                    : new ShardResult(Score.read(frame, plan.shape().outputs()), null);
        };
        sink.take(member, round, node, read);
        frame.position(begin + (node.high() - node.low()) * bytes);
    }

    /** Frees the room. Nothing is delivered any more. */
    @Override
    public void close() {
        parts.values().forEach(GradientPart::close);
    }
}
