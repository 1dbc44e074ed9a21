package dev.lockstep.step;

import dev.lockstep.step.FrameLayout.MalformedFrameException;
import io.netty.channel.Channel;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
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
    private final ExchangeDeliveries deliveries;
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
        this.deliveries = new ExchangeDeliveries(plan, coordinator);
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
                case FrameLayout.GRADIENT, FrameLayout.SCORE, FrameLayout.REPORT -> {
                    deliveries.take(member.number, frame);
                    belongs = coordinator.idle(member.number);
                }
                case FrameLayout.FAILED -> {
                    coordinator.failed(member.number, text(frame, 0), frame.getInt(FrameLayout.DETAIL_OFFSET) == 1);
                    belongs = false; // it goes, whether the run ends by it or not
                }
                default -> throw new MalformedFrameException("type: found " + type);
            }
            if (!belongs) {
                synchronized (coordinator) { // the end of the run may tell it at the same time
                    member.over();
                }
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
        deliveries.close();
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
                send(FrameLayout.OVER, -1, -1, coordinator.isOver() ? 0 : 1, List.of(), null);
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
