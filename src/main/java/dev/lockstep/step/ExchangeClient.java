package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkEnv;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.client.TransportClientFactory;
import org.apache.spark.network.server.NoOpRpcHandler;

/**
 * A worker process's end of the exchange: one connection for all tasks of the run in this process. Each answer of the
 * driver is an order for the team; what the team hands in is the next request. Owns the connection, its copy of the
 * weights and the team.
 */
final class ExchangeClient extends Hub {
    /** Short, since other processes may want the core. */
    private static final long SPIN_NANOS = 20_000;

    private final RunTicket ticket;
    private final StepPlan plan;
    private final ParameterCodec codec;
    private final WorkerTeam team;
    private final Parameters weights;
    private ByteBuffer request;
    private TransportContext context;
    private TransportClientFactory factory;
    private TransportClient client;
    private volatile int number;
    private volatile boolean over;
    private volatile Throwable failure;

    ExchangeClient(RunTicket ticket, StepPlan plan, Configuration conf) {
        super(ticket.runId());
        this.ticket = ticket;
        this.plan = plan;
        this.codec = new ParameterCodec(plan.shape());
        this.team = new WorkerTeam(conf, plan, this::done, SPIN_NANOS);
        this.weights = new Parameters(plan.shape());
        this.request = FrameLayout.room(FrameLayout.HEADER_BYTES);
    }

    @Override
    WorkerTeam team() {
        return team;
    }

    @Override
    void firstTaskEntered() throws IOException {
        SparkEnv env = SparkEnv.get();
        context = new TransportContext(ExchangeTransport.conf(env.conf(), 1), new NoOpRpcHandler(), true);
        factory = context.createClientFactory(ExchangeTransport.clientBootstraps(context.getConf()));
        try {
            client = factory.createUnmanagedClient(ticket.host(), ticket.port());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while connecting to " + ticket, e);
        }
        byte[] name = ("executor " + env.executorId() + " on "
                        + env.blockManager().blockManagerId().host())
                .getBytes(StandardCharsets.UTF_8);
        start(FrameLayout.HELLO, name.length, -1, 0, RunTicket.SECRET_BYTES + name.length);
        request.put(ticket.secret()).put(name);
        send();
    }

    @Override
    void lastTaskLeft() {
        unregister();
        over = true;
        if (client != null) {
            client.close();
        }
        if (factory != null) {
            factory.close();
        }
        if (context != null) {
            context.close();
        }
        team.close();
        weights.close();
    }

    @Override
    Throwable failure() {
        return failure;
    }

    private void start(int type, int count, long round, int detail, long bodyBytes) {
        if (FrameLayout.HEADER_BYTES + bodyBytes > request.capacity()) {
            request = FrameLayout.room(FrameLayout.HEADER_BYTES + bodyBytes);
        }
        FrameLayout.start(request, type, number, count, round, -1, detail);
    }

    /** The request's buffer is free again when the answer has come. */
    private void send() {
        client.sendRpc(FrameLayout.end(request), new RpcResponseCallback() {
            @Override
            public void onSuccess(ByteBuffer answer) {
                try {
                    obey(FrameLayout.open(answer));
                } catch (MalformedFrameException e) {
                    fail(e);
                }
            }

            @Override
            public void onFailure(Throwable e) {
                fail(e);
            }
        });
    }

    private void fail(Throwable e) {
        if (!over) {
            failure = e;
        }
        team.end();
    }

    /** Carries out an order. The team is idle: it has handed in what was ordered before. */
    private void obey(ByteBuffer frame) {
        int type = frame.getInt(FrameLayout.TYPE_OFFSET);
        number = frame.getInt(FrameLayout.MEMBER_OFFSET);
        if (type == FrameLayout.OVER) {
            over = true;
            team.end();
            return;
        }
        int count = frame.getInt(FrameLayout.COUNT_OFFSET);
        List<Node> nodes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            nodes.add(new Node(frame.getInt(), frame.getInt()));
        }
        long round = frame.getLong(FrameLayout.ROUND_OFFSET);
        long step = frame.getLong(FrameLayout.STEP_OFFSET);
        if ((type == FrameLayout.GRADIENT || type == FrameLayout.SCORE) && frame.getInt() == 1) {
            codec.length(frame);
            codec.read(frame, weights, false);
        }
        Split split = Split.values()[frame.getInt(FrameLayout.DETAIL_OFFSET)];
        team.submit(
                switch (type) {
                    case FrameLayout.LOAD -> Work.load(nodes);
                    case FrameLayout.GRADIENT ->
                        Work.of(new Coordinator.Round(round, Work.Kind.GRADIENT, step, null, weights), nodes, weights);
                    case FrameLayout.SCORE ->
                        Work.of(new Coordinator.Round(round, Work.Kind.SCORE, step, split, weights), nodes, weights);
                    case FrameLayout.REPORT ->
                        Work.of(new Coordinator.Round(round, Work.Kind.REPORT, step, null, null), nodes, null);
                    default -> throw new MalformedFrameException("type of an order: found " + type);
                });
    }

    /** Hands in what the team has done. */
    private void done(Work work) {
        if (work.failure != null) {
            boolean badInput = work.failure instanceof BadInputException;
            byte[] text = String.valueOf(work.failure.getMessage()).getBytes(StandardCharsets.UTF_8);
            start(FrameLayout.FAILED, text.length, work.round, badInput ? 1 : 0, text.length);
            request.put(text);
            failure = work.failure;
        } else {
            switch (work.kind) {
                case LOAD -> start(FrameLayout.READY, 0, -1, 0, 0);
                case GRADIENT -> writeGradients(work);
                case SCORE, REPORT -> writeResults(work);
            }
        }
        send();
    }

    private void writeGradients(Work work) {
        int count = work.nodes.size();
        start(FrameLayout.GRADIENT, count, work.round, 0, count * (FrameLayout.GRADIENT_NODE_BYTES + codec.maxBytes()));
        for (int i = 0; i < count; i++) {
            Node node = work.nodes.get(i);
            GradientPart part = work.parts[i];
            request.putInt(node.low()).putInt(node.high()).putInt(part.rows()).putInt(0);
            request.putDouble(part.lossSum());
            if (part.rows() != 0) {
                codec.write(part.values(), row -> !codec.isZero(part.values(), row), request);
            }
        }
    }

    private void writeResults(Work work) {
        boolean isScore = work.kind == Work.Kind.SCORE;
        int classes = plan.shape().outputs();
        long shardBytes =
                isScore ? Double.BYTES + (long) classes * classes * Long.BYTES : FrameLayout.REPORT_SHARD_BYTES;
        long bytes = (long) work.nodes.size() * FrameLayout.NODE_BYTES + work.shards.cardinality() * shardBytes;
        start(isScore ? FrameLayout.SCORE : FrameLayout.REPORT, work.nodes.size(), work.round, 0, bytes);
        for (Node node : work.nodes) {
            request.putInt(node.low()).putInt(node.high());
            for (int shard = node.low(); shard < node.high(); shard++) {
                ShardResult result = work.results[shard];
                if (isScore) {
                    result.score().write(request);
                } else {
                    LoadReport report = result.report();
                    request.putLong(report.trainFingerprint())
                            .putLong(report.testFingerprint())
                            .putLong(report.offHeapBytes());
                }
            }
        }
    }
}
