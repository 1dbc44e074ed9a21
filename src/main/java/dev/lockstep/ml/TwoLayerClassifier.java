package dev.lockstep.ml;

import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;

/**
 * Trains a two-layer network on the rows of a DataFrame, as a stage of a Spark ML Pipeline: a column of vectors ({@code
 * featuresCol}), of which not all need be dense, and a column of classes 0, 1, 2 ... up to 255 ({@code labelCol}). The
 * parameters are the options of the command {@code train}, with the defaults of the preset {@code book}.
 *
 * <p>The rows are numbered in the order in which {@code collect()} would return them, and cut into {@code shards} contiguous
 * ranges. They are the examples in that order: the same rows in the same order give the same weights, bit for bit, as the
 * command line, for any number of partitions, executors and cores. While {@code fit} works they lie, as float32, in files of
 * {@code stagingDirectory}, so that an executor that takes over a lost one's shards can read them; the driver sees none of
 * them. Fits of one application take turns, since each has workers in all of its slots.
 */
public final class TwoLayerClassifier extends TwoLayerTrainingParams implements DefaultParamsWritable {
    private static final long serialVersionUID = 1L;

    /** A classifier with a uid of its own. */
    public TwoLayerClassifier() {
        this(Identifiable$.MODULE$.randomUID("twoLayer"));
    }

    /** A classifier with a given uid. */
    public TwoLayerClassifier(String uid) {
        this(Uid.give(uid));
    }

    private TwoLayerClassifier(Uid given) {
        super(given);
    }

    /**
     * Trains.
     *
     * @param dataset with the columns of features and labels, of which {@code fit} has made sure
     * @throws dev.lockstep.BadInputException if a row cannot be trained with: the message names row and column
     * @throws IllegalArgumentException if parameters contradict each other
     */
    @Override
    public TwoLayerClassificationModel train(Dataset<?> dataset) {
        return new Fit(this, dataset).run();
    }

    @Override
    public TwoLayerClassifier copy(ParamMap extra) {
        return defaultCopy(extra);
    }

    /** Reads what {@code write()} wrote. */
    public static MLReader<TwoLayerClassifier> read() {
        return new DefaultParamsReader<>();
    }

    /** Reads what {@code save(path)} wrote. */
    public static TwoLayerClassifier load(String path) {
        return read().load(path);
    }
}
