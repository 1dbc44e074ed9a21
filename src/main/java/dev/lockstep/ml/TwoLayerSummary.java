package dev.lockstep.ml;

import org.apache.spark.ml.linalg.Matrix;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.mllib.evaluation.MulticlassMetrics;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import scala.Tuple4;

/**
 * How a model does on rows with labels. The first question starts a Spark job over the rows; those that the same counts answer
 * start none. Arrays have one element for each of {@link #labels}.
 */
public final class TwoLayerSummary {
    /** Of a row that counts once. */
    private static final Double WEIGHT = 1.0;

    /** As MLlib's evaluator has it: probabilities nearer to 0 count as this. */
    private static final double SMALLEST_PROBABILITY = 1e-15;

    private final Dataset<Row> predictions;
    private final MulticlassMetrics metrics;

    TwoLayerSummary(Dataset<Row> predictions, String prediction, String label, String probability) {
        this.predictions = predictions;
        this.metrics = new MulticlassMetrics(predictions
                .select(functions.col(prediction), functions.col(label).cast("double"), functions.col(probability))
                .toJavaRDD()
                .map(row -> new Tuple4<Object, Object, Object, Object>(
                        row.getDouble(0),
                        row.getDouble(1),
                        WEIGHT,
                        row.<Vector>getAs(2).toArray()))
                .rdd());
    }

    /** The rows with what the model says of them. */
    public Dataset<Row> predictions() {
        return predictions;
    }

    /** Classes that occur, ascending. */
    public double[] labels() {
        return metrics.labels();
    }

    /** Share of rows taken for what they are. */
    public double accuracy() {
        return metrics.accuracy();
    }

    /** Mean of -log of the probability that the model gives to a row's class. Starts a job of its own. */
    public double logLoss() {
        return metrics.logLoss(SMALLEST_PROBABILITY);
    }

    /** Of the rows taken for a class, the share that is. */
    public double[] precisionByLabel() {
        return byLabel(metrics::precision);
    }

    /** Of the rows of a class, the share taken for it. */
    public double[] recallByLabel() {
        return byLabel(metrics::recall);
    }

    /** Harmonic mean of precision and recall. */
    public double[] fMeasureByLabel() {
        return byLabel(metrics::fMeasure);
    }

    /** Mean of {@link #precisionByLabel}, weighted by the rows of each class. */
    public double weightedPrecision() {
        return metrics.weightedPrecision();
    }

    /** Mean of {@link #recallByLabel}, weighted by the rows of each class. */
    public double weightedRecall() {
        return metrics.weightedRecall();
    }

    /** Mean of {@link #fMeasureByLabel}, weighted by the rows of each class. */
    public double weightedFMeasure() {
        return metrics.weightedFMeasure();
    }

    /** Counts [true class, predicted class] of {@link #labels}. */
    public Matrix confusionMatrix() {
        return metrics.confusionMatrix().asML();
    }

    private double[] byLabel(java.util.function.DoubleUnaryOperator metric) {
        double[] labels = metrics.labels();
        double[] values = new double[labels.length];
        for (int i = 0; i < labels.length; i++) {
            values[i] = metric.applyAsDouble(labels[i]);
        }
        return values;
    }
}
