package dev.lockstep.ml;

import dev.lockstep.data.IdxWriter;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.VectorUDT;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Images as rows of a DataFrame: a column {@code label} of doubles, and a column {@code features} of pixels over 255. */
public final class Frames {
    static final StructType SCHEMA =
            new StructType().add("label", DataTypes.DoubleType).add("features", new VectorUDT());

    private Frames() {}

    /**
     * The rows in the order of the images.
     *
     * @param isSparse whether vectors name the pixels that are not zero
     */
    public static Dataset<Row> frame(SparkSession spark, IdxWriter set, int partitions, boolean isSparse) {
        int pixels = set.rows() * set.columns();
        List<Row> rows = new ArrayList<>();
        for (int r = 0; r < set.examples(); r++) {
            double[] values = new double[pixels];
            for (int i = 0; i < pixels; i++) {
                values[i] = (set.pixels()[r * pixels + i] & 0xff) / 255.0;
            }
            Vector vector = Vectors.dense(values);
            rows.add(RowFactory.create((double) (set.labels()[r] & 0xff), isSparse ? vector.toSparse() : vector));
        }
        return frame(spark, rows, partitions);
    }

    static Dataset<Row> frame(SparkSession spark, List<Row> rows, int partitions) {
        return spark.createDataFrame(new JavaSparkContext(spark.sparkContext()).parallelize(rows, partitions), SCHEMA);
    }
}
