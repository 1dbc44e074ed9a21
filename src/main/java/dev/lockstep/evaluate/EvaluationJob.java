package dev.lockstep.evaluate;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.ShardRange;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.net.TwoLayerNet;
import dev.lockstep.step.TaskOutcome;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.CollectionAccumulator;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Scores a model on a labelled set as one Spark job: each task reads its ranges of examples, scores them and frees them.
 * How the examples are cut into ranges depends on nothing but their number, so the sum of the losses has the same bits for any number of tasks.
 */
public final class EvaluationJob {
    /** Examples that a task holds at a time. */
    private static final int RANGE_EXAMPLES = 10_000;

    private static final double NANOS_PER_SECOND = 1e9;

    private EvaluationJob() {}

    /**
     * What the job found.
     *
     * @param score of all examples
     * @param scoringSeconds what the task that took longest spent in the loop over its examples: copying their pixels, and
     *     scoring them; the files were read before
     * @param medianExamplesPerSecond examples scored a second by all tasks together if each took for them what it took for the
     *     median range: what is left when the JVM is warm
     */
    public record Evaluated(Score score, double scoringSeconds, double medianExamplesPerSecond) {
        /** Examples scored a second by all tasks together, reading the files left out. */
        public double examplesPerSecond() {
            return score.examples() / scoringSeconds;
        }
    }

    /** How long a task scored a range. */
    private record RangeTime(int task, int examples, long nanos) implements Serializable {}

    /**
     * Scores all examples.
     *
     * @param weights of a network whose inputs are the images' pixels; copied to the executors
     * @param kernel what each process is to compute with
     * @throws dev.lockstep.BadInputException if a file is damaged, or a process cannot run these kernels
     */
    public static Evaluated run(
            JavaSparkContext spark,
            Parameters weights,
            Activation activation,
            Loss loss,
            KernelChoice kernel,
            LabelledImages images) {
        int count = (int) ((images.examples() + (long) RANGE_EXAMPLES - 1) / RANGE_EXAMPLES);
        List<Integer> ranges = IntStream.range(0, count).boxed().toList();
        Broadcast<SerializableConfiguration> conf = SerializableConfiguration.broadcast(spark.sc());
        Broadcast<Parameters> model = spark.broadcast(weights.copy());
        try {
            spark.setJobDescription("Lockstep: evaluate " + images.imagesUri());
            Score sum = new Score(weights.shape().outputs());
            int slices = Math.min(count, spark.defaultParallelism());
            CollectionAccumulator<RangeTime> times = spark.sc().collectionAccumulator();
            for (TaskOutcome<Score> part : spark.parallelize(ranges, slices)
                    .map(score(activation, loss, kernel, images, count, model, conf, times))
                    .collect()) {
                sum.add(part.get());
            }
            return evaluated(sum, times.value(), slices);
        } finally {
            model.destroy();
            conf.destroy();
        }
    }

    private static Evaluated evaluated(Score score, List<RangeTime> times, int slices) {
        long[] nanosOfTask = new long[slices];
        times.forEach(time -> nanosOfTask[time.task()] += time.nanos());
        double[] rates = times.stream()
                .mapToDouble(time -> time.examples() * NANOS_PER_SECOND / time.nanos())
                .sorted()
                .toArray();
        return new Evaluated(
                score,
                Arrays.stream(nanosOfTask).max().orElseThrow() / NANOS_PER_SECOND,
                slices * rates[rates.length / 2]);
    }

    private static Function<Integer, TaskOutcome<Score>> score(
            Activation activation,
            Loss loss,
            KernelChoice kernel,
            LabelledImages images,
            int ranges,
            Broadcast<Parameters> model,
            Broadcast<SerializableConfiguration> conf,
            CollectionAccumulator<RangeTime> times) {
        return number -> TaskOutcome.of(() -> {
            Parameters weights = model.value();
            ShardRange range = ShardRange.split(images.examples(), ranges).get(number);
            TwoLayerNet net = new TwoLayerNet(weights.shape(), activation, loss, kernel.kernels());
            return score(conf.value().value(), net, images, weights, range, times);
        });
    }

    private static Score score(
            Configuration conf,
            TwoLayerNet net,
            LabelledImages images,
            Parameters weights,
            ShardRange range,
            CollectionAccumulator<RangeTime> times) {
        Score score = new Score(net.shape().outputs());
        int classes = net.shape().outputs();
        try (ImageBatches batches = new ImageBatches(conf, images, range, range.count(), classes, net.shape())) {
            long began = System.nanoTime();
            while (batches.next()) {
                net.score(weights, batches.batch(), batches.workspace(), score);
            }
            long nanos = System.nanoTime() - began - batches.readNanos();
            times.add(new RangeTime(TaskContext.getPartitionId(), range.count(), nanos));
        }
        return score;
    }
}
