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
                } catch (RuntimeException | Error e) {
                    fail(e); // the transport would only log it, and the tasks would wait for ever
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
        unregister(); // a task that Spark tries again makes a new hub, also while others are still leaving this one
        team.end();
    }

    /** Carries out an order. The team is idle: it has handed in what was ordered before. */
    private void obey(ByteBuffer frame) {
        int type = frame.getInt(FrameLayout.TYPE_OFFSET);
        number = frame.getInt(FrameLayout.MEMBER_OFFSET);
        if (type == FrameLayout.OVER) {
            boolean goesOn = frame.getInt(FrameLayout.DETAIL_OFFSET) == 1;
            if (goesOn && failure == null) {
                failure = new IOException("the run goes on without this worker"); // and welcomes a new one
            }
            over = true;
            unregister();
            team.end();
            return;
        }
        long round = frame.getLong(FrameLayout.ROUND_OFFSET);
        long step = frame.getLong(FrameLayout.STEP_OFFSET);
        List<Node> nodes = nodes(frame, type == FrameLayout.LOAD ? 0 : 1);
        Work work = switch (type) {
            case FrameLayout.LOAD -> Work.load(nodes);
            case FrameLayout.GRADIENT -> work(round, Work.Kind.GRADIENT, step, null, nodes, weights);
            case FrameLayout.SCORE -> work(round, Work.Kind.SCORE, step, split(frame), nodes, weights);
            case FrameLayout.REPORT -> work(round, Work.Kind.REPORT, step, null, nodes, null);
            default -> throw new MalformedFrameException("type of an order: found " + type);
        };
        int shards = nodes.stream().mapToInt(node -> node.high() - node.low()).sum();
        FrameLayout.require(work.shards.cardinality() == shards, "different shards", shards, work.shards.cardinality());
        if (work.weights != null) {
            readWeights(frame);
        }
        FrameLayout.require(!frame.hasRemaining(), "bytes after an order", 0, frame.remaining());
        team.submit(work);
    }

    private static Work work(long round, Work.Kind kind, long step, Split split, List<Node> nodes, Parameters weights) {
        return Work.of(new Coordinator.Round(round, kind, step, split, weights), nodes, weights);
    }

    private List<Node> nodes(ByteBuffer frame, int fewest) {
        int count = frame.getInt(FrameLayout.COUNT_OFFSET);
        FrameLayout.require(count >= fewest && count <= plan.shards(), "nodes, at most", plan.shards(), count);
        List<Node> nodes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            nodes.add(FrameLayout.node(frame, plan.shards()));
        }
        return nodes;
    }

    private static Split split(ByteBuffer frame) {
        int detail = frame.getInt(FrameLayout.DETAIL_OFFSET);
        Split[] splits = Split.values();
        FrameLayout.require(detail >= 0 && detail < splits.length, "number of a split, below", splits.length, detail);
        return splits[detail];
    }

    private void readWeights(ByteBuffer frame) {
        FrameLayout.require(frame.remaining() >= Integer.BYTES, "bytes of a flag", Integer.BYTES, frame.remaining());
        int changed = frame.getInt();
        FrameLayout.require(changed == 0 || changed == 1, "whether weights changed, at most", 1, changed);
        if (changed == 1) {
            int length = codec.length(frame);
            FrameLayout.require(frame.remaining() == length, "bytes of weights", length, frame.remaining());
            codec.read(frame, weights, false);
        }
    }

    /** Hands in what the team has done. */
    private void done(Work work) {
        if (work.failure != null) {
            boolean badInput = work.failure instanceof BadInputException;
            String message = work.failure.getMessage() == null ? work.failure.toString() : work.failure.getMessage();
            byte[] text = message.getBytes(StandardCharsets.UTF_8);
            start(FrameLayout.FAILED, text.length, work.round, badInput ? 1 : 0, text.length);
            request.put(text);
            failure = badInput ? null : work.failure; // bad input ends the run: Spark is not to try the task again
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
