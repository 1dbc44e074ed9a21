package dev.lockstep.step;

import dev.lockstep.net.Score;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;

/** Writes the answers of workers: gradients, scores and reports of nodes. Any thread. */
final class PartsWriter {
    private final StepPlan plan;
    private final ParameterCodec codec;
    private final int scoreBytes;

    PartsWriter(StepPlan plan) {
        this.plan = plan;
        this.codec = new ParameterCodec(plan.shape(), plan.kernels());
        this.scoreBytes = FrameLayout.scoreShardBytes(plan);
    }

    /**
     * Writes a frame of gradients.
     *
     * @param room used if it is large enough
     * @return the room that was used, ready to be sent
     * @throws dev.lockstep.BadInputException if they are more than a frame can have
     */
    ByteBuffer gradients(
            ByteBuffer room, int member, long round, List<Node> nodes, Function<Node, GradientPart> partOf) {
        int bytes = ExchangeTransport.requireFrame(plan, nodes.size());
        ByteBuffer frame = start(room, FrameLayout.GRADIENT, member, nodes.size(), round, bytes);
        for (Node node : nodes) {
            GradientPart part = partOf.apply(node);
            frame.putInt(node.low()).putInt(node.high()).putInt(part.rows()).putInt(0);
            frame.putDouble(part.lossSum());
            if (part.rows() != 0) {
                codec.write(part.values(), row -> !codec.isZero(part.values(), row), frame);
            }
        }
        return FrameLayout.end(frame);
    }

    /**
     * Writes a frame of scores or reports.
     *
     * @param type SCORE or REPORT
     * @param room used if it is large enough
     * @return the room that was used, ready to be sent
     */
    ByteBuffer results(
            ByteBuffer room, int type, int member, long round, List<Node> nodes, IntFunction<ShardResult> resultOf) {
        int shardBytes = type == FrameLayout.SCORE ? scoreBytes : FrameLayout.REPORT_SHARD_BYTES;
        long bytes = FrameLayout.HEADER_BYTES;
        for (Node node : nodes) {
            bytes += FrameLayout.NODE_BYTES + (long) (node.high() - node.low()) * shardBytes;
        }
        ByteBuffer frame = start(room, type, member, nodes.size(), round, bytes);
        for (Node node : nodes) {
            frame.putInt(node.low()).putInt(node.high());
            for (int shard = node.low(); shard < node.high(); shard++) {
                write(resultOf.apply(shard), frame);
            }
        }
        return FrameLayout.end(frame);
    }

    private static void write(ShardResult result, ByteBuffer frame) {
        Score score = result.score();
        if (score != null) {
            score.write(frame);
        } else {
            LoadReport report = result.report();
            frame.putLong(report.trainFingerprint())
                    .putLong(report.testFingerprint())
                    .putLong(report.offHeapBytes());
        }
    }

    private static ByteBuffer start(ByteBuffer room, int type, int member, int count, long round, long bytes) {
        ByteBuffer frame = bytes > room.capacity() ? FrameLayout.room(bytes) : room;
        FrameLayout.start(frame, type, member, count, round, -1, 0);
        return frame;
    }
}
