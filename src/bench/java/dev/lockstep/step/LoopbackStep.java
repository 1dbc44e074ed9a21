package dev.lockstep.step;

import dev.lockstep.net.Initializer;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;

/**
 * A real step with one worker: the real driver's end and a real session over the loopback interface, in two threads that have a
 * core each on a machine with two. Needs a Spark context.
 */
final class LoopbackStep implements Wire.Listener, WorkerSession.Team, AutoCloseable {
    private static final String HOST = "127.0.0.1";
    private static final Node ALL = new Node(0, 1);
    private static final int WARM_UP_STEPS = 4_000;
    private static final int STEPS = 4_000;
    private static final double NANOS_PER_SECOND = 1e9;

    private final StepPlan plan;
    private final ShardStore store;
    private final StepGradient gradient;
    private final GradientPart part;
    private final WorkerSession session;

    private LoopbackStep(Configuration conf, StepPlan plan) {
        this.plan = plan;
        this.store = new ShardStore(conf, plan);
        BitSet all = new BitSet();
        all.set(0);
        store.load(all);
        this.gradient = new StepGradient(plan);
        this.part = new GradientPart(0, 1, new Parameters(plan.shape()));
        this.session = new WorkerSession(plan, this, null);
    }

    /**
     * The median of some thousands of steps, in seconds.
     *
     * @param plan of one shard
     */
    static double measure(SparkConf spark, Configuration conf, StepPlan plan) throws IOException {
        RunTicket ticket = RunTicket.fresh(HOST, ExchangeSettings.DEFAULT, false);
        Coordinator coordinator = new Coordinator(plan);
        try (LoopbackStep worker = new LoopbackStep(conf, plan);
                ExchangeServer server = new ExchangeServer(spark, ticket, plan, coordinator);
                ExchangeConnector connector =
                        new ExchangeConnector(spark, ticket, ExchangeTransport.maxFrameBytes(plan))) {
            worker.join(connector.connect(HOST, server.port(), worker));
            double seconds = train(coordinator, plan);
            coordinator.end();
            return seconds;
        }
    }

    private void join(Wire wire) {
        session.driver(wire);
        ByteBuffer join = FrameLayout.room(FrameLayout.HEADER_BYTES);
        FrameLayout.start(join, FrameLayout.JOIN, 0, 0, -1, -1, 0);
        wire.send(FrameLayout.end(join), null);
    }

    private static double train(Coordinator coordinator, StepPlan plan) {
        double[] seconds = new double[STEPS];
        try (Parameters weights = new Parameters(plan.shape());
                Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0, plan.shape(), plan.kernels())) {
            Initializer.XAVIER.initialize(weights, 0, plan.seed());
            long before = System.nanoTime();
            for (int step = 0; step < WARM_UP_STEPS + STEPS; step++) {
                coordinator.begin(new Coordinator.Round(step, Work.Kind.GRADIENT, step, null, weights));
                while (!coordinator.isComplete()) {
                    Thread.onSpinWait();
                }
                optimizer.apply(0.1f, coordinator.parts().get(ALL).values(), weights);
                long now = System.nanoTime();
                if (step >= WARM_UP_STEPS) {
                    seconds[step - WARM_UP_STEPS] = (now - before) / NANOS_PER_SECOND;
                }
                before = now;
            }
        }
        Arrays.sort(seconds);
        return seconds[STEPS / 2];
    }

    @Override
    public void received(Wire wire, ByteBuffer frame) {
        if (frame.getInt(FrameLayout.TYPE_OFFSET) != FrameLayout.OVER) {
            session.order(wire, frame);
        }
    }

    @Override
    public void closed(Wire wire) {
        session.stop();
    }

    @Override
    public void submit(Work work, boolean isHelped) {
        if (work.kind == Work.Kind.GRADIENT) {
            gradient.alone(work.step, work.nodes, store, 1, work.weights, node -> part);
            work.parts = new GradientPart[] {part};
        }
        session.done(work);
        if (work.kind == Work.Kind.GRADIENT) {
            gradient.prepare(work.step + 1, work.nodes, store, 1, node -> part, gradient, () -> true);
        }
    }

    /** Waits for the order under way, if there is one: orders are carried out with the session's lock held. */
    @Override
    public void close() {
        session.stop();
        session.close();
        part.close();
        gradient.close();
        store.close();
    }
}
