package dev.lockstep.step;

import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import io.netty.channel.Channel;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.apache.spark.SparkConf;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.server.OneForOneStreamManager;
import org.apache.spark.network.server.RpcHandler;
import org.apache.spark.network.server.StreamManager;
import org.apache.spark.network.server.TransportServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's end of the exchange with worker processes, over Spark's own transport with its authentication and
 * encryption. Frames are read where they arrive, and answered when there is something to do; no transport thread waits,
 * and no object is deserialised. Who does not know the run's secret gets no answer and loses its connection.
 */
final class ExchangeServer extends RpcHandler implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ExchangeServer.class);
    private static final int TRANSPORT_THREADS = 2;
    private static final int MAX_NAME_BYTES = 1024;

    private final StepPlan plan;
    private final byte[] secret;
    private final Coordinator coordinator;
    private final ParameterCodec codec;
    private final StreamManager streams = new OneForOneStreamManager();
    private final Map<Channel, RemoteMember> members = new ConcurrentHashMap<>();
    private final Map<Node, GradientPart> parts = new HashMap<>();
    private final WeightsUpdates updates;
    private final AtomicLong bytesUp = new AtomicLong();
    private final AtomicLong bytesDown = new AtomicLong();
    private final AtomicLong strangers = new AtomicLong();
    private final TransportContext context;
    private final TransportServer server;

    ExchangeServer(SparkConf conf, RunTicket ticket, StepPlan plan, Coordinator coordinator) {
        this.plan = plan;
        this.secret = ticket.secret().clone();
        this.coordinator = coordinator;
        this.codec = new ParameterCodec(plan.shape());
        this.updates = new WeightsUpdates(plan.shape());
        this.context = new TransportContext(ExchangeTransport.conf(conf, TRANSPORT_THREADS), this);
        String bindAddress = conf.get("spark.driver.bindAddress", ticket.host());
        this.server = context.createServer(bindAddress, 0, ExchangeTransport.serverBootstraps(context.getConf()));
    }

    int port() {
        return server.getPort();
    }

    long bytesUp() {
        return bytesUp.get();
    }

    long bytesDown() {
        return bytesDown.get();
    }

    long strangers() {
        return strangers.get();
    }

    @Override
    public StreamManager getStreamManager() {
        return streams;
    }

    @Override
    public void receive(TransportClient client, ByteBuffer message, RpcResponseCallback answer) {
        try {
            bytesUp.addAndGet(message.remaining());
            ByteBuffer frame = FrameLayout.open(message);
            RemoteMember member = members.get(client.getChannel());
            int type = frame.getInt(FrameLayout.TYPE_OFFSET);
            if (member == null) {
                welcome(client, frame, type, answer);
                return;
            }
            FrameLayout.require(
                    frame.getInt(FrameLayout.MEMBER_OFFSET) == member.number,
                    "member",
                    member.number,
                    frame.getInt(FrameLayout.MEMBER_OFFSET));
            FrameLayout.require(member.answer == null, "requests under way", 0, 1);
            member.answer = answer;
            boolean belongs = true;
            switch (type) {
                case FrameLayout.READY -> belongs = coordinator.ready(member.number);
                case FrameLayout.GRADIENT, FrameLayout.SCORE, FrameLayout.REPORT -> belongs = take(member, frame, type);
                case FrameLayout.FAILED ->
                    coordinator.failed(member.number, text(frame, 0), frame.getInt(FrameLayout.DETAIL_OFFSET) == 1);
                default -> throw new MalformedFrameException("type: found " + type);
            }
            if (!belongs) {
                member.over();
            }
        } catch (MalformedFrameException e) {
            LOG.warn("malformed frame from {}: {}", client.getSocketAddress(), e.getMessage());
            client.getChannel().close();
        }
    }

    private void welcome(TransportClient client, ByteBuffer frame, int type, RpcResponseCallback answer) {
        FrameLayout.require(type == FrameLayout.HELLO, "first frame's type", FrameLayout.HELLO, type);
        byte[] shown = new byte[RunTicket.SECRET_BYTES];
        FrameLayout.require(frame.remaining() >= shown.length, "bytes of a secret", shown.length, frame.remaining());
        frame.get(shown);
        if (!MessageDigest.isEqual(shown, secret)) {
            strangers.incrementAndGet();
            LOG.warn("{} said hello without the run's secret and was refused", client.getSocketAddress());
            client.getChannel().close();
            return;
        }
        RemoteMember member = new RemoteMember();
        member.answer = answer;
        members.put(client.getChannel(), member);
        coordinator.join(
                text(frame, FrameLayout.HEADER_BYTES + shown.length), member, number -> member.number = number);
    }

    private static String text(ByteBuffer frame, int offset) {
        int at = Math.max(offset, FrameLayout.HEADER_BYTES);
        byte[] text = new byte[Math.min(frame.limit() - at, MAX_NAME_BYTES)];
        frame.get(at, text);
        return new String(text, StandardCharsets.UTF_8);
    }

    private boolean take(RemoteMember member, ByteBuffer frame, int type) {
        long round = frame.getLong(FrameLayout.ROUND_OFFSET);
        int count = frame.getInt(FrameLayout.COUNT_OFFSET);
        for (int i = 0; i < count; i++) {
            FrameLayout.require(frame.remaining() >= FrameLayout.NODE_BYTES, "bytes of a node", 8, frame.remaining());
            Node node = node(frame);
            if (type == FrameLayout.GRADIENT) {
                takeGradient(member, round, node, frame);
            } else {
                takeResults(member, round, node, frame, type);
            }
        }
        FrameLayout.require(!frame.hasRemaining(), "bytes after the last node", 0, frame.remaining());
        return coordinator.idle(member.number);
    }

    private Node node(ByteBuffer frame) {
        Node node = new Node(frame.getInt(), frame.getInt());
        if (node.low() < 0 || node.high() <= node.low() || node.high() > plan.shards()) {
            throw new MalformedFrameException("node: expected within " + plan.shards() + " shards, found " + node);
        }
        return node;
    }

    private void takeGradient(RemoteMember member, long round, Node node, ByteBuffer frame) {
        int rest = FrameLayout.GRADIENT_NODE_BYTES - FrameLayout.NODE_BYTES;
        FrameLayout.require(frame.remaining() >= rest, "bytes of a part", rest, frame.remaining());
        int rows = frame.getInt();
        frame.getInt();
        double lossSum = frame.getDouble();
        int begin = frame.position();
        int end = begin + (rows == 0 ? 0 : codec.length(frame));
        coordinator.take(member.number, round, node, () -> {
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

    private void takeResults(RemoteMember member, long round, Node node, ByteBuffer frame, int type) {
        int classes = plan.shape().outputs();
        int shardBytes = type == FrameLayout.REPORT
                ? FrameLayout.REPORT_SHARD_BYTES
                : Double.BYTES + classes * classes * Long.BYTES;
        long bytes = (long) shardBytes * (node.high() - node.low());
        FrameLayout.require(frame.remaining() >= bytes, "bytes of results", bytes, frame.remaining());
        int begin = frame.position();
        IntFunction<ShardResult> read = shard -> {
            frame.position(begin + (shard - node.low()) * shardBytes);
            return type == FrameLayout.REPORT
                    ? new ShardResult(null, new LoadReport(frame.getLong(), frame.getLong(), frame.getLong()))
                    : new ShardResult(Score.read(frame, classes), null);
        };
        coordinator.take(member.number, round, node, read);
        frame.position(begin + (int) bytes);
    }

    @Override
    public void channelInactive(TransportClient client) {
        RemoteMember member = members.remove(client.getChannel());
        if (member != null) {
            coordinator.leave(member.number, "its connection ended");
        }
    }

    @Override
    public void exceptionCaught(Throwable cause, TransportClient client) {
        LOG.debug("connection to {}", client.getSocketAddress(), cause);
    }

    /** Ends all connections. What is being sent goes out first. */
    @Override
    public void close() {
        server.close();
        context.close();
        List<GradientPart> all = new ArrayList<>(parts.values());
        all.forEach(GradientPart::close);
        updates.close();
    }

    /** A worker process, as the driver sees it. Orders answer its last request. */
    private final class RemoteMember implements Coordinator.Link {
        private volatile int number;
        private volatile RpcResponseCallback answer;
        private final WeightsUpdates.Reader weights = updates.newReader();
        private ByteBuffer frame = FrameLayout.room(FrameLayout.HEADER_BYTES);

        @Override
        public void load(List<Node> nodes) {
            send(FrameLayout.LOAD, -1, -1, 0, nodes, null);
        }

        @Override
        public void order(Coordinator.Round round, List<Node> nodes) {
            int type = switch (round.kind()) {
                case GRADIENT -> FrameLayout.GRADIENT;
                case SCORE -> FrameLayout.SCORE;
                case REPORT -> FrameLayout.REPORT;
                case LOAD -> throw new IllegalArgumentException("loading is no round");
            };
            int detail = round.split() == null ? 0 : round.split().ordinal();
            send(type, round.number(), round.step(), detail, nodes, round);
        }

        @Override
        public void over() {
            if (answer != null) {
                send(FrameLayout.OVER, -1, -1, 0, List.of(), null);
            }
        }

        /** The frame's buffer is free: the worker has sent a request since it was used last. */
        private void send(int type, long round, long step, int detail, List<Node> nodes, Coordinator.Round weightsOf) {
            ByteBuffer update = weightsOf == null || weightsOf.weights() == null ? null : weights.next(weightsOf);
            long bytes = FrameLayout.HEADER_BYTES
                    + (long) nodes.size() * FrameLayout.NODE_BYTES
                    + Integer.BYTES
                    + (update == null ? 0 : update.remaining());
            if (bytes > frame.capacity()) {
                frame = FrameLayout.room(
                        Math.max(bytes, update == null ? 0 : codec.maxBytes() + bytes - update.remaining()));
            }
            FrameLayout.start(frame, type, number, nodes.size(), round, step, detail);
            for (Node node : nodes) {
                frame.putInt(node.low()).putInt(node.high());
            }
            if (weightsOf != null && weightsOf.weights() != null) {
                frame.putInt(update == null ? 0 : 1);
                if (update != null) {
                    frame.put(update);
                }
            }
            FrameLayout.end(frame);
            bytesDown.addAndGet(frame.remaining());
            RpcResponseCallback callback = answer;
            answer = null;
            callback.onSuccess(frame);
        }
    }
}
