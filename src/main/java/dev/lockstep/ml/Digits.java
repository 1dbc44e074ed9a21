package dev.lockstep.ml;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.kernel.SparseBatch;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.VectorUDT;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;

/** The files that the command line trains on, as a DataFrame. */
public final class Digits {
    private static final StructType SCHEMA =
            new StructType().add("label", DataTypes.DoubleType).add("features", new VectorUDT());
    private static final int MAX_CLASSES = 256;
    private static final double PIXEL_MAX = 255;

    private Digits() {}

    /**
     * Reads labelled images, in the order of the files: a column {@code label} of doubles, and a column {@code features} of
     * vectors with the pixels over 255, row by row. Each partition is a range of the examples and is read by its task.
     *
     * @param directory with the files under their MNIST names, plain or gzip, on any Hadoop FileSystem
     * @param split {@code train} or {@code test}
     * @throws dev.lockstep.BadInputException if a file is missing or damaged
     */
    public static Dataset<Row> read(SparkSession spark, String directory, String split) {
        if (!split.equals("train") && !split.equals("test")) {
            throw new IllegalArgumentException("split: expected train or test, found " + split);
        }
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        LabelledImages images = LabelledImages.open(
                context.hadoopConfiguration(),
                directory,
                split.equals("train") ? LabelledImages.TRAIN : LabelledImages.TEST);
        int parts = Math.min(images.examples(), context.defaultParallelism());
        List<Integer> numbers = IntStream.range(0, parts).boxed().toList();
        Broadcast<SerializableConfiguration> conf = SerializableConfiguration.broadcast(spark.sparkContext());
        return spark.createDataFrame(context.parallelize(numbers, parts).flatMap(rows(images, parts, conf)), SCHEMA);
    }

    /** Made by a static method, so that it carries its arguments only. */
    private static FlatMapFunction<Integer, Row> rows(
            LabelledImages images, int parts, Broadcast<SerializableConfiguration> conf) {
        return number -> {
            ShardRange range = ShardRange.split(images.examples(), parts).get(number);
            return rows(conf.value().value(), images, range);
        };
    }

    private static Iterator<Row> rows(Configuration conf, LabelledImages images, ShardRange range) {
        Shard shard = images.read(conf, List.of(range), MAX_CLASSES).get(0);
        SparseBatch batch = new SparseBatch(shard.inputs(), 1, shard.maxGroups());
        TaskContext.get()
                .addTaskCompletionListener(
                        task -> { // it may end before the last row is asked for
                            batch.close();
                            shard.close();
                        });
        return IntStream.range(0, shard.examples())
                .mapToObj(row -> {
                    batch.clear();
                    shard.copyRow(row, batch);
                    return RowFactory.create((double) shard.label(row), vector(batch));
                })
                .iterator();
    }

    /** The row of a batch. */
    private static Vector vector(SparseBatch batch) {
        int[] columns = new int[batch.blocks() * SparseBatch.COLUMNS];
        double[] values = new double[columns.length];
        int count = 0;
        for (int i = 0; i < columns.length; i++) {
            if (batch.values()[i] != 0f) {
                columns[count] =
                        batch.groupOf()[i / SparseBatch.COLUMNS] * SparseBatch.COLUMNS + i % SparseBatch.COLUMNS;
                values[count] = Math.rint(batch.values()[i] * PIXEL_MAX) / PIXEL_MAX;
                count++;
            }
        }
        return Vectors.sparse(batch.inputs(), Arrays.copyOf(columns, count), Arrays.copyOf(values, count));
    }
}
