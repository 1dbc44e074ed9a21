package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.apache.hadoop.conf.Configuration;

/** Measures what this machine needs for the numbers of a step: one thread, warm, with the machine's kernels. */
final class MachineMeasurement {
    private static final List<Integer> SHARDS = List.of(1, 8, 64);
    private static final List<Integer> BATCH_SIZES = List.of(100, 800, 6_400);
    private static final int BATCH_SIZE = 100;
    private static final int MEMBERS = 1024;
    private static final int FAN_IN = 32;
    private static final float LEARNING_RATE = 0.1f;

    private final Configuration conf;
    private final BenchPlan data;

    MachineMeasurement(Configuration conf, BenchPlan data) {
        this.conf = conf;
        this.data = data;
    }

    /**
     * Seconds to compute gradients: of parts of the first of so many shards, and of batches of so many examples, a line is
     * fitted through all.
     *
     * @param draw for each example of the batch
     * @param prepare for each example of the part
     * @param part for a part
     * @param example for each example of it
     */
    record Compute(double draw, double prepare, double part, double example) {}

    Compute compute() {
        List<double[]> points = new ArrayList<>(); // examples of the batch and of the part, seconds to prepare and to compute
        for (int shards : SHARDS) {
            StepPlan loaded = data.with(shards, BATCH_SIZE);
            try (ShardStore store = new ShardStore(conf, loaded)) {
                BitSet first = new BitSet();
                first.set(0);
                store.load(first);
                for (int batchSize : BATCH_SIZES) {
                    points.add(point(data.with(shards, batchSize), store));
                }
            }
        }
        double[][] columns = new double[4][points.size()];
        double[] ones = new double[points.size()];
        for (int i = 0; i < points.size(); i++) {
            for (int c = 0; c < columns.length; c++) {
                columns[c][i] = points.get(i)[c];
            }
            ones[i] = 1;
        }
        double[] prepare = Timing.fit(columns[0], columns[1], columns[2]);
        double[] gradient = Timing.fit(ones, columns[1], columns[3]);
        return new Compute(prepare[0], prepare[1], gradient[0], gradient[1]);
    }

    private static double[] point(StepPlan plan, ShardStore store) {
        List<Node> nodes = List.of(new Node(0, 1));
        long[] step = {0};
        try (StepGradient gradient = new StepGradient(plan);
                Parameters weights = initial(plan);
                GradientPart part = new GradientPart(0, 1, new Parameters(plan.shape()))) {
            double prepareSeconds = Timing.seconds(
                    () -> gradient.prepare(step[0]++, nodes, store, 1, node -> part, gradient, () -> true));
            double bothSeconds = Timing.seconds(
                    () -> gradient.alone(step[0]++, nodes, store, 1, weights, node -> part));
            double rows = plan.batchSize() / (double) plan.shards();
            return new double[] {plan.batchSize(), rows, prepareSeconds, bothSeconds - prepareSeconds};
        }
    }

    private static Parameters initial(StepPlan plan) {
        Parameters weights = new Parameters(plan.shape());
        Initializer.XAVIER.initialize(weights, 0, plan.seed());
        return weights;
    }

    /**
     * Seconds of what is done with gradients and weights.
     *
     * @param encodePerByte gradient to frame
     * @param decodePerByte frame to gradient
     * @param sum one gradient added to another
     * @param update weights updated, and their changed rows found
     */
    record Numbers(double encodePerByte, double decodePerByte, double sum, double update) {}

    Numbers numbers() {
        StepPlan plan = data.with(1, BATCH_SIZE);
        try (ShardStore store = new ShardStore(conf, plan)) {
            BitSet all = new BitSet();
            all.set(0);
            store.load(all);
            List<Node> nodes = List.of(new Node(0, 1));
            try (StepGradient gradient = new StepGradient(plan);
                    Parameters weights = initial(plan);
                    GradientPart part = new GradientPart(0, 1, new Parameters(plan.shape()));
                    GradientPart other = new GradientPart(0, 1, new Parameters(plan.shape()))) {
                gradient.alone(0, nodes, store, 1, weights, node -> part);
                gradient.alone(1, nodes, store, 1, weights, node -> other);
                return numbers(plan, weights, part, other);
            }
        }
    }

    private static Numbers numbers(StepPlan plan, Parameters weights, GradientPart part, GradientPart other) {
        PartsWriter writer = new PartsWriter(plan);
        List<Node> nodes = List.of(new Node(0, 1));
        ByteBuffer room = writer.gradients(FrameLayout.NOTHING, 0, 0, nodes, node -> part);
        double encodeSeconds = Timing.seconds(() -> writer.gradients(room, 0, 0, nodes, node -> part));
        int bytes = room.limit();
        double decodeSeconds;
        try (ExchangeDeliveries deliveries = new ExchangeDeliveries(plan, new Taker())) {
            decodeSeconds = Timing.seconds(() -> deliveries.take(0, FrameLayout.open(room)));
        }
        Kernels kernels = plan.kernels();
        double updateSeconds = updateSeconds(plan, weights, part) - encodeSeconds;
        double sumSeconds = Timing.seconds(
                () -> kernels.add(other.values().all(), part.values().all()));
        return new Numbers(encodeSeconds / bytes, decodeSeconds / bytes, sumSeconds, Math.max(0, updateSeconds));
    }

    private static double updateSeconds(StepPlan plan, Parameters weights, GradientPart part) {
        long[] round = {0};
        try (Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0, plan.shape(), plan.kernels());
                WeightsUpdates updates = new WeightsUpdates(plan.shape(), plan.kernels())) {
            WeightsUpdates.Reader reader = updates.newReader();
            return Timing.seconds(() -> {
                optimizer.apply(LEARNING_RATE, part.values(), weights);
                reader.next(new Coordinator.Round(round[0]++, Work.Kind.GRADIENT, 0, null, weights));
            });
        }
    }

    /** Takes every part. */
    private static final class Taker implements PartSink {
        @Override
        public Work.Kind kindOf(long round) {
            return Work.Kind.GRADIENT;
        }

        @Override
        public void take(int member, long round, Node node, Supplier<GradientPart> part) {
            part.get();
        }

        @Override
        public void take(int member, long round, Node node, IntFunction<ShardResult> ofShard) {
            throw new UnsupportedOperationException();
        }
    }

    /** Seconds of a round's book-keeping at the driver for each of {@value #MEMBERS} members, with a fan-in of {@value #FAN_IN}. */
    double memberSeconds() {
        StepPlan plan = data.with(MEMBERS, BATCH_SIZE);
        Coordinator coordinator = new Coordinator(plan, FAN_IN);
        List<Link> ordered = new ArrayList<>();
        for (int i = 0; i < MEMBERS; i++) {
            Link link = new Link(ordered);
            Route.Address address = new Route.Address("executor-" + i, 1 + i);
            coordinator.join("worker", address, link, number -> link.number = number);
            coordinator.ready(link.number);
        }
        long[] round = {0};
        try (Parameters weights = initial(plan);
                GradientPart part = new GradientPart(0, 1, null)) {
            return Timing.seconds(() -> {
                        ordered.clear();
                        coordinator.begin(
                                new Coordinator.Round(round[0]++, Work.Kind.GRADIENT, 0, null, weights));
                        for (Link link : ordered) {
                            link.nodes().forEach(node -> coordinator.take(link.number, round[0] - 1, node, () -> part));
                            coordinator.idle(link.number);
                        }
                        if (!coordinator.isComplete()) {
                            throw new IllegalStateException(coordinator.missing());
                        }
                    })
                    / MEMBERS;
        }
    }

    /** A member that only writes its orders down. */
    private static final class Link implements Coordinator.Link {
        private static final WeightsUpdate SAME = new WeightsUpdate(1, 1, null);

        private final List<Link> ordered;
        private final BitSet shards = new BitSet();
        private ByteBuffer head = FrameLayout.NOTHING;
        private List<Node> sums = List.of();
        private int number;

        Link(List<Link> ordered) {
            this.ordered = ordered;
        }

        @Override
        public void load(List<Node> nodes) {
            // It has nothing to load.
        }

        @Override
        public void order(Coordinator.Round round, Route route) {
            head = OrderCodec.write(head, round, route, SAME);
            if (sums.isEmpty()) {
                collect(route);
                sums = ReductionTree.nodes(MEMBERS, shards);
            }
            ordered.add(this);
        }

        private void collect(Route route) {
            route.nodes().forEach(node -> shards.set(node.low(), node.high()));
            route.below().forEach(this::collect);
        }

        List<Node> nodes() {
            return sums;
        }

        @Override
        public void over() {
            // It waits for nothing.
        }
    }
}
