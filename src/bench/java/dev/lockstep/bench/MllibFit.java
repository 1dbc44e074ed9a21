package dev.lockstep.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.SparseBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.ml.classification.MultilayerPerceptronClassificationModel;
import org.apache.spark.ml.classification.MultilayerPerceptronClassifier;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Trains MLlib's MultilayerPerceptronClassifier with its defaults (l-bfgs, blocks of 128 rows) on data that is cached before
 * the clock starts, and prints one JSON object: {@code fit_seconds} and {@code test_accuracy}. A process of its own.
 */
final class MllibFit {
    private static final int HIDDEN = 50;
    private static final int CLASSES = 10;
    private static final double WHITE = 255;

    private MllibFit() {}

    /** @param args master, directory of the data, iterations, seed */
    public static void main(String[] args) throws IOException {
        try (SparkSession spark = SparkSession.builder()
                .master(args[0])
                .appName("MLlib")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .getOrCreate()) {
            Dataset<org.apache.spark.sql.Row> train = read(spark, args[1], LabelledImages.TRAIN);
            Dataset<org.apache.spark.sql.Row> test = read(spark, args[1], LabelledImages.TEST);
            int pixels = ((Vector) train.first().get(1)).size();
            MultilayerPerceptronClassifier classifier = new MultilayerPerceptronClassifier()
                    .setLayers(new int[] {pixels, HIDDEN, CLASSES})
                    .setMaxIter(Integer.parseInt(args[2]))
                    .setSeed(Long.parseLong(args[3]));
            long began = System.nanoTime();
            MultilayerPerceptronClassificationModel model = classifier.fit(train);
            double seconds = (System.nanoTime() - began) / 1e9;
            double accuracy = new MulticlassClassificationEvaluator()
                    .setMetricName("accuracy")
                    .evaluate(model.transform(test));
            ObjectNode json = new ObjectMapper().createObjectNode();
            json.put("fit_seconds", seconds);
            json.put("test_accuracy", accuracy);
            System.out.println(json);
        }
    }

    private static Dataset<org.apache.spark.sql.Row> read(SparkSession spark, String directory, String stem) {
        Configuration conf = new Configuration();
        LabelledImages images = LabelledImages.open(conf, directory, stem);
        List<org.apache.spark.sql.Row> rows = new ArrayList<>(images.examples());
        try (Shard shard = ShardReader.read(conf, images, ShardRange.split(images.examples(), 1), CLASSES)
                        .get(0);
                SparseBatch batch = new SparseBatch(images.pixels(), 1, shard.maxGroups())) {
            for (int row = 0; row < shard.examples(); row++) {
                batch.clear();
                shard.copyRow(row, batch);
                rows.add(RowFactory.create((double) shard.label(row), features(batch)));
            }
        }
        StructType columns = new StructType()
                .add("label", DataTypes.DoubleType, false)
                .add("features", SQLDataTypes.VectorType(), false);
        Dataset<org.apache.spark.sql.Row> set = spark.createDataFrame(rows, columns)
                .repartition(spark.sparkContext().defaultParallelism())
                .cache();
        set.count();
        return set;
    }

    /** The pixels that are not zero, as doubles that are rounded once. */
    private static Vector features(SparseBatch batch) {
        int room = batch.blocks() * SparseBatch.COLUMNS;
        int[] indices = new int[room];
        double[] numbers = new double[room];
        int count = 0;
        for (int i = 0; i < room; i++) {
            if (batch.values()[i] != 0) {
                indices[count] = batch.groupOf()[i / SparseBatch.COLUMNS] * SparseBatch.COLUMNS + i % SparseBatch.COLUMNS;
                numbers[count] = Math.rint(batch.values()[i] * WHITE) / WHITE;
                count++;
            }
        }
        return Vectors.sparse(batch.inputs(), Arrays.copyOf(indices, count), Arrays.copyOf(numbers, count));
    }
}
