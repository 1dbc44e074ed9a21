package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.step.MachineMeasurement.Compute;
import dev.lockstep.step.MachineMeasurement.Numbers;
import dev.lockstep.step.StepCost.Machine;
import dev.lockstep.step.StepCost.Network;
import dev.lockstep.step.WireMeasurement.Frames;
import java.io.IOException;
import java.io.PrintStream;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * {@code submit/bench scale}: measures this machine, fits {@link StepCost} to it, and prints what the model says of clusters that
 * are not here, and what the simulation says of the same.
 */
public final class ScaleBench {
    private static final List<Integer> EXECUTORS = List.of(2, 16, 128, 1024);
    private static final List<Integer> SIMULATED = List.of(16, 128);
    private static final int MOST_SIMULATED = 1024;
    private static final int BATCH_SIZE = 100;
    private static final double BYTES_PER_GIGABIT = 1e9 / 8;
    private static final double GIGABITS = 10;
    private static final double LATENCY_SECONDS = 50e-6;
    private static final double MICROS = 1e6;
    private static final double MILLIS = 1e3;
    private static final double NANOS = 1e9;

    private final Configuration conf = new Configuration();
    private final Network network = new Network(GIGABITS * BYTES_PER_GIGABIT, LATENCY_SECONDS);
    private final BenchPlan data;
    private final PrintStream out;

    private ScaleBench(String directory, PrintStream out) {
        this.data = BenchPlan.open(conf, directory);
        this.out = out;
    }

    /** @param args the directory of the data */
    public static void main(String[] args) throws IOException {
        try {
            new ScaleBench(args[0], System.out).run();
        } catch (BadInputException e) {
            System.err.println("bench: " + e.getMessage());
            System.exit(2);
        }
    }

    private void run() throws IOException {
        try (JavaSparkContext context = new JavaSparkContext(spark())) {
            run(context.getConf());
        }
    }

    private void run(SparkConf spark) throws IOException {
        Frames frames = new WireMeasurement(spark).frames();
        MachineMeasurement measurement = new MachineMeasurement(conf, data);
        Compute compute = measurement.compute();
        Numbers numbers = measurement.numbers();
        Machine machine = new Machine(
                compute.draw(),
                compute.prepare(),
                compute.part(),
                compute.example(),
                numbers.encodePerByte(),
                numbers.decodePerByte(),
                numbers.sum(),
                numbers.update(),
                frames.copySecondsPerByte(),
                frames.frameSeconds(),
                measurement.memberSeconds());
        StepCost cost = new StepCost(machine, network, traffic());
        print(cost, frames);
        compare(cost, frames, LoopbackStep.measure(spark, conf, data.with(1, BATCH_SIZE)));
        predict(cost);
        simulate(cost);
    }

    private static SparkConf spark() {
        return new SparkConf()
                .setAppName("bench")
                .setMaster("local[1]")
                .set("spark.ui.enabled", "false")
                .set("spark.driver.host", "127.0.0.1");
    }

    private Traffic traffic() {
        StepPlan plan = data.with(1, BATCH_SIZE);
        try (ShardStore store = new ShardStore(conf, plan)) {
            BitSet all = new BitSet();
            all.set(0);
            store.load(all);
            return Traffic.measure(plan, store);
        }
    }

    private void print(StepCost cost, Frames frames) {
        Machine machine = cost.machine();
        line("measured on this machine, one thread, %s, JDK %s", data.with(1, 1).shape(), feature());
        row("draw an example of the mini-batch", machine.drawSeconds() * NANOS, "ns");
        row("prepare an example", machine.prepareSeconds() * MICROS, "us");
        row("gradient of a part", machine.partSeconds() * MICROS, "us");
        row("  and of each example", machine.exampleSeconds() * MICROS, "us");
        row("encode a byte", machine.encodeSecondsPerByte() * NANOS, "ns");
        row("decode a byte", machine.decodeSecondsPerByte() * NANOS, "ns");
        row("add two gradients", machine.sumSeconds() * MICROS, "us");
        row("update weights and find changed rows", machine.updateSeconds() * MICROS, "us");
        row("send or receive a frame", machine.frameSeconds() * MICROS, "us");
        row("  and each byte of it", machine.copySecondsPerByte() * NANOS, "ns");
        row("book-keeping for a worker", machine.memberSeconds() * MICROS, "us");
        row("loopback latency (this machine alone)", frames.latencySeconds() * MICROS, "us");
        row("weights, batch of 100", cost.traffic().weightBytes(BATCH_SIZE) / MILLIS, "kB");
        row("gradient of 100 examples", cost.traffic().partBytes(BATCH_SIZE) / MILLIS, "kB");
        row("gradient of 6 examples", cost.traffic().partBytes(6) / MILLIS, "kB");
    }

    private static int feature() {
        return Runtime.version().feature();
    }

    private void row(String what, double value, String unit) {
        line("  %-38s %10.3f %s", what, value, unit);
    }

    private void line(String format, Object... values) {
        out.println(String.format(Locale.ROOT, format, values));
    }

    private void compare(StepCost cost, Frames frames, double measuredSeconds) {
        // What the loopback interface does with bytes is the two ends' copying.
        Network loopback = new Network(Double.POSITIVE_INFINITY, frames.latencySeconds());
        double seconds = new StepCost(cost.machine(), loopback, cost.traffic()).seconds(1, 0, BATCH_SIZE);
        line("");
        line("one worker over this machine's loopback interface, batch of 100, ms a step");
        line(
                "  predicted %.3f, measured %.3f, ratio %.2f",
                seconds * MILLIS,
                measuredSeconds * MILLIS,
                seconds / measuredSeconds);
    }

    private void predict(StepCost cost) {
        line("");
        line("predicted, %.0f Gb/s, %.0f us one way (assumed)", GIGABITS, LATENCY_SECONDS * MICROS);
        line("  executors  batch size  ms, all below the driver  best fan-in  ms a step  examples a second");
        for (int executors : EXECUTORS) {
            predict(cost, executors, BATCH_SIZE);
            predict(cost, executors, BATCH_SIZE * executors);
        }
    }

    private void predict(StepCost cost, int executors, int batchSize) {
        int best = cost.bestFanIn(executors, batchSize);
        double seconds = cost.seconds(executors, best, batchSize);
        line(
                "  %9d  %10d  %24.2f  %11d  %9.2f  %17.0f",
                executors,
                batchSize,
                cost.seconds(executors, 0, batchSize) * MILLIS,
                best,
                seconds * MILLIS,
                batchSize / seconds);
    }

    private void simulate(StepCost cost) {
        line("");
        line("held against the simulation of the same network, with real sessions, relays and sums");
        line("  executors  batch size  fan-in  ms predicted  ms simulated  ratio");
        for (int executors : SIMULATED) {
            for (int batchSize : List.of(BATCH_SIZE, BATCH_SIZE * executors)) {
                simulate(cost, executors, 0, batchSize);
                simulate(cost, executors, 4, batchSize);
                int best = cost.bestFanIn(executors, batchSize);
                if (best != 0 && best != 4) {
                    simulate(cost, executors, best, batchSize);
                }
            }
        }
        simulate(cost, MOST_SIMULATED, cost.bestFanIn(MOST_SIMULATED, BATCH_SIZE), BATCH_SIZE);
    }

    private void simulate(StepCost cost, int executors, int fanIn, int batchSize) {
        StepPlan plan = data.with(executors, batchSize);
        double seconds = SimulatedStep.measure(conf, plan, cost.machine(), network, executors, fanIn)
                .seconds();
        double predicted = cost.seconds(executors, fanIn, batchSize);
        line(
                "  %9d  %10d  %6d  %12.2f  %12.2f  %5.2f",
                executors,
                batchSize,
                fanIn,
                predicted * MILLIS,
                seconds * MILLIS,
                predicted / seconds);
    }
}
