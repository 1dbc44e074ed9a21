package dev.lockstep.evaluate;

import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.TwoLayerNet;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.util.CollectionAccumulator;
import org.apache.spark.util.SerializableConfiguration;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Predicts the class of any number of images as one Spark job, and writes a row for each: {@code file} (its URI), {@code
 * number} (in the file, from 0), {@code label} (null where it is not known), {@code prediction}, and the probability of each
 * class in {@code p0}, {@code p1}, ... Each task goes through its pieces of the files in order and writes one file, so the
 * files in the order of their names hold the rows by (file, number), whatever the number of tasks.
 */
public final class PredictionJob {
    /** A task that is lost is done again, and its file read as a whole by some programs: neither should grow for ever. */
    private static final int MAX_TASK_EXAMPLES = 1_000_000;

    private static final double NANOS_PER_SECOND = 1e9;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double MILLIS_PER_SECOND = 1e3;

    private PredictionJob() {}

    /** How the rows are stored. */
    public enum Format {
        PARQUET,
        /** With a line of names. */
        CSV,
        /** One object a line. */
        JSON
    }

    /**
     * What was done.
     *
     * @param examples rows written
     * @param seconds in all: Spark SQL begun, the job planned and run, its output committed
     * @param loopSeconds from the first task's first row asked for to the last task's last row written, by the clocks of the
     *     machines they ran on
     * @param computingSeconds of those, the tasks' share of reading and computing, without making and writing rows
     */
    public record Predicted(long examples, double seconds, double loopSeconds, double computingSeconds) {}

    /** When a task worked, and how long of that it read and computed. */
    private record TaskTime(long beganMillis, long endedMillis, long computingNanos) implements Serializable {}

    /**
     * Predicts and writes.
     *
     * @param weights of a network whose inputs are the pixels of all files; copied to the executors
     * @param kernel what each process is to compute with
     * @param files as {@link dev.lockstep.data.ImageFiles#find} found them, at least one
     * @param tasks at least 1; more are used where each would have over a million examples, and fewer where gzip files, which
     *     stay whole, leave some without work
     * @param out directory that does not exist yet; after an exception it may hold rows of some files
     * @throws BadInputException if a file is damaged, or a process cannot run these kernels
     */
    public static Predicted run(
            JavaSparkContext spark,
            Parameters weights,
            Activation activation,
            Loss loss,
            KernelChoice kernel,
            List<LabelledImages> files,
            int tasks,
            Format format,
            String out) {
        long examples = files.stream().mapToLong(LabelledImages::examples).sum();
        List<List<FilePiece>> pieces = FilePiece.split(files, pieces(examples, tasks, MAX_TASK_EXAMPLES));
        Broadcast<SerializableConfiguration> conf = SerializableConfiguration.broadcast(spark.sc());
        Broadcast<Parameters> model = spark.broadcast(weights.copy());
        CollectionAccumulator<String> badInput = spark.sc().collectionAccumulator();
        CollectionAccumulator<TaskTime> times = spark.sc().collectionAccumulator();
        try {
            spark.setJobDescription("Lockstep: predict " + examples + " images");
            SparkSession session = SparkSession.builder().getOrCreate();
            long began = System.nanoTime();
            Dataset<Row> rows = session.range(0, pieces.size(), 1, pieces.size())
                    .mapPartitions(
                            new Task(files, pieces, activation, loss, kernel, model, conf, badInput, times),
                            Encoders.bean(Prediction.class))
                    .select(columns(weights.shape().outputs()));
            write(rows.write(), weights.shape().outputs(), format, out);
            if (!badInput.value().isEmpty()) {
                throw new BadInputException(
                        badInput.value().stream().sorted().findFirst().orElseThrow());
            }
            requireFiles(spark.hadoopConfiguration(), out, pieces.size());
            return predicted(examples, (System.nanoTime() - began) / NANOS_PER_SECOND, times.value());
        } finally {
            model.destroy();
            conf.destroy();
        }
    }

    /**
     * Of how many tasks the job is: a multiple of the tasks wanted, since those run at a time and none should run alone at the
     * end.
     *
     * @param most examples of a task
     */
    static int pieces(long examples, int tasks, long most) {
        long rounds = Math.max(1, -Math.floorDiv(-examples, tasks * most));
        return (int) Math.min(rounds * tasks, examples);
    }

    /** Tasks may run at a time or one after the other; of either, reading and computing has the same share. */
    private static Predicted predicted(long examples, double seconds, List<TaskTime> times) {
        long began = times.stream().mapToLong(TaskTime::beganMillis).min().orElseThrow();
        long ended = times.stream().mapToLong(TaskTime::endedMillis).max().orElseThrow();
        long working = times.stream()
                .mapToLong(time -> time.endedMillis - time.beganMillis)
                .sum();
        long computingNanos = times.stream().mapToLong(TaskTime::computingNanos).sum();
        double loopMillis = Math.max(1, ended - began);
        double share = Math.min(1, computingNanos / NANOS_PER_MILLI / Math.max(1, working));
        return new Predicted(examples, seconds, loopMillis / MILLIS_PER_SECOND, loopMillis * share / MILLIS_PER_SECOND);
    }

    /** Where machines have directories of their own by that name, what tasks wrote on others is nowhere, without a word. */
    private static void requireFiles(Configuration hadoop, String out, int wanted) {
        int found;
        try {
            Path directory = new Path(out);
            found = directory
                    .getFileSystem(hadoop)
                    .listStatus(directory, file -> file.getName().startsWith("part-"))
                    .length;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (found < wanted) {
            throw new BadInputException(out + ": expected the files of " + wanted + " tasks, found " + found
                    + "; the output must be on a file system that all executors share");
        }
    }

    private static Column[] columns(int classes) {
        List<Column> columns = new ArrayList<>();
        columns.add(functions.col("file"));
        columns.add(functions.col("number"));
        Column label = functions.col("label");
        columns.add(functions.when(label.notEqual(Prediction.NO_LABEL), label).as("label"));
        columns.add(functions.col("prediction"));
        // A column each and no array: CSV has none, and whoever reads the one format can read the others.
        for (int k = 0; k < classes; k++) {
            columns.add(functions.col("probabilities").getItem(k).as("p" + k));
        }
        return columns.toArray(Column[]::new);
    }

    private static void write(DataFrameWriter<Row> writer, int classes, Format format, String out) {
        switch (format) {
            case PARQUET -> {
                // Hardly two images have the same probability: a dictionary of them is work that Parquet throws away.
                for (int k = 0; k < classes; k++) {
                    writer.option("parquet.enable.dictionary#p" + k, false);
                }
                writer.parquet(out);
            }
            case CSV -> writer.option("header", true).csv(out);
            case JSON -> writer.option("ignoreNullFields", false).json(out);
        }
    }

    /** Makes the rows of a task's pieces, in the executor. Its input is the task's number alone. */
    private record Task(
            List<LabelledImages> files,
            List<List<FilePiece>> pieces,
            Activation activation,
            Loss loss,
            KernelChoice kernel,
            Broadcast<Parameters> model,
            Broadcast<SerializableConfiguration> conf,
            CollectionAccumulator<String> badInput,
            CollectionAccumulator<TaskTime> times)
            implements MapPartitionsFunction<Long, Prediction> {
        @Override
        public Iterator<Prediction> call(Iterator<Long> numbers) {
            long beganMillis = System.currentTimeMillis();
            Parameters weights = model.value();
            // Spark reads its next number when it is asked whether there is one, not before.
            List<FilePiece> own = numbers.hasNext() ? pieces.get(Math.toIntExact(numbers.next())) : List.of();
            TwoLayerNet net;
            try {
                net = new TwoLayerNet(weights.shape(), activation, loss, kernel.kernels());
            } catch (BadInputException e) {
                badInput.add(e.getMessage());
                return Collections.emptyIterator();
            }
            PredictionRows rows = new PredictionRows(conf.value().value(), files, own, net, weights, badInput::add);
            // Also of a task that is killed, or fails to write.
            TaskCompletionListener end = context -> {
                rows.close();
                times.add(new TaskTime(beganMillis, System.currentTimeMillis(), rows.nanos()));
            };
            TaskContext.get().addTaskCompletionListener(end);
            return rows;
        }
    }
}
