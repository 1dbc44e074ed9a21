package dev.lockstep.ml;

import dev.lockstep.kernel.Loss;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.HeapNet;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.ml.classification.ProbabilisticClassificationModel;
import org.apache.spark.ml.linalg.DenseVector;
import org.apache.spark.ml.linalg.SparseVector;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsReader.Metadata;
import org.apache.spark.ml.util.DefaultParamsWriter;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.SparkSession;
import scala.Tuple3;

/**
 * What {@link TwoLayerClassifier} trains: the scores of the classes ({@code rawPredictionCol}), their probabilities, and the
 * class. Saved, it is a directory of Spark ML whose {@value #FILE} is a model as the command line writes it, so {@code
 * evaluate} and {@code export} take that file.
 */
public final class TwoLayerClassificationModel
        extends ProbabilisticClassificationModel<Vector, TwoLayerClassificationModel> implements MLWritable {
    /** The weights, in the directory of a saved model. */
    static final String FILE = "model.safetensors";

    private static final long serialVersionUID = 1L;

    private String uid; // see Uid: set while the superclass's constructor runs, so nothing may initialise it here
    private final HeapNet net;
    private final Loss loss;
    private final TreeMap<String, String> provenance;
    private transient TwoLayerTrainingSummary summary;

    TwoLayerClassificationModel(String uid, HeapNet net, Loss loss, Map<String, String> provenance) {
        this(Uid.give(uid), net, loss, provenance);
    }

    private TwoLayerClassificationModel(Uid given, HeapNet net, Loss loss, Map<String, String> provenance) {
        this.net = net;
        this.loss = loss;
        this.provenance = new TreeMap<>(provenance);
    }

    /**
     * A model from a file of the command {@code train}.
     *
     * @param uri a model.safetensors on any Hadoop FileSystem
     * @throws dev.lockstep.BadInputException if it is missing, damaged or not such a model
     */
    public static TwoLayerClassificationModel fromFile(String uri) {
        return read(SparkSession.active(), uri, Identifiable$.MODULE$.randomUID("twoLayer"));
    }

    private static TwoLayerClassificationModel read(SparkSession spark, String uri, String uid) {
        try (ModelFile.Model model = ModelFile.read(spark.sparkContext().hadoopConfiguration(), uri)) {
            return new TwoLayerClassificationModel(
                    uid, new HeapNet(model.weights(), model.activation()), model.loss(), model.texts());
        } catch (IOException e) {
            throw new UncheckedIOException(uri + ": cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public String uid() {
        if (uid == null) {
            uid = Uid.take();
        }
        return uid;
    }

    @Override
    public int numClasses() {
        return net.shape().outputs();
    }

    @Override
    public int numFeatures() {
        return net.shape().inputs();
    }

    /** Units of the hidden layer. */
    public int hiddenUnits() {
        return net.shape().hidden();
    }

    /** W1 [features, hidden], b1 [hidden], W2 [hidden, classes], b2 [classes], row-major, one after the other. */
    public Vector weights() {
        double[] all = new double[Math.toIntExact(net.shape().parameters())];
        int to = 0;
        try (Parameters parameters = net.parameters()) {
            for (ParameterTensor tensor : ParameterTensor.values()) {
                for (float value : parameters.values(tensor)) {
                    all[to++] = value;
                }
            }
        }
        return Vectors.dense(all);
    }

    /** What {@code weights_sha256} is in a run's summary: equal for models with the same bits. */
    public String weightsSha256() {
        try (Parameters parameters = net.parameters()) {
            return parameters.sha256();
        }
    }

    /** Whether {@link #summary} is there: it is on the model that {@code fit} returned, and not saved. */
    public boolean hasSummary() {
        return summary != null;
    }

    /**
     * How training went.
     *
     * @throws IllegalStateException if the model was not trained in this application
     */
    public TwoLayerTrainingSummary summary() {
        if (summary == null) {
            throw new IllegalStateException(uid() + ": expected a model as fit returned it, found one without summary");
        }
        return summary;
    }

    TwoLayerClassificationModel withSummary(TwoLayerTrainingSummary its) {
        summary = its;
        return this;
    }

    /** How the model does on rows with labels. */
    public TwoLayerSummary evaluate(Dataset<?> dataset) {
        TwoLayerClassificationModel asked = withColumns();
        return new TwoLayerSummary(
                asked.transform(dataset), asked.getPredictionCol(), getLabelCol(), asked.getProbabilityCol());
    }

    /** This model, or a copy that names the columns that a summary needs. */
    private TwoLayerClassificationModel withColumns() {
        TwoLayerClassificationModel model = copy(ParamMap.empty());
        if (getPredictionCol().isEmpty()) {
            model.setPredictionCol("prediction_" + uid());
        }
        if (getProbabilityCol().isEmpty()) {
            model.setProbabilityCol("probability_" + uid());
        }
        return model;
    }

    /** What Spark's own summaries ask for. Raw, as Java sees two inherited methods whose types differ in an argument. */
    @Override
    @SuppressWarnings({"rawtypes", "unchecked"})
    public Tuple3 findSummaryModel() {
        TwoLayerClassificationModel model = withColumns();
        return new Tuple3<>(model, model.getProbabilityCol(), model.getPredictionCol());
    }

    /**
     * Scores of the classes, before softmax.
     *
     * @throws IllegalArgumentException if the vector has another width than the rows trained with
     */
    @Override
    public Vector predictRaw(Vector features) {
        if (features.size() != net.shape().inputs()) {
            throw new IllegalArgumentException("column " + getFeaturesCol() + ": expected a vector of "
                    + net.shape().inputs() + " elements, found one of " + features.size());
        }
        float[] z = net.newHidden();
        if (features instanceof SparseVector sparse) {
            int[] columns = sparse.indices();
            double[] values = sparse.values();
            for (int i = 0; i < columns.length; i++) {
                addInput(columns[i], (float) values[i], z);
            }
        } else {
            double[] values = ((DenseVector) features).values();
            for (int column = 0; column < values.length; column++) {
                addInput(column, (float) values[column], z);
            }
        }
        net.activate(z);
        return vector(net.scores(z));
    }

    private void addInput(int column, float x, float[] z) {
        if (x != 0f) {
            net.addInput(column, x, z);
        }
    }

    private static Vector vector(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return Vectors.dense(copy);
    }

    @Override
    public Vector raw2probabilityInPlace(Vector rawPrediction) {
        double[] values = ((DenseVector) rawPrediction).values();
        float[] scores = new float[values.length];
        for (int k = 0; k < scores.length; k++) {
            scores[k] = (float) values[k];
        }
        HeapNet.softmax(scores);
        for (int k = 0; k < scores.length; k++) {
            values[k] = scores[k];
        }
        return rawPrediction;
    }

    @Override
    public TwoLayerClassificationModel copy(ParamMap extra) {
        TwoLayerClassificationModel copy = new TwoLayerClassificationModel(uid(), net, loss, provenance);
        copyValues(copy.withSummary(summary), extra);
        copy.setParent(parent());
        return copy;
    }

    @Override
    public String toString() {
        return "TwoLayerClassificationModel: uid=" + uid() + ", network=" + net.shape();
    }

    @Override
    public MLWriter write() {
        return new Writer(this);
    }

    /** Reads what {@code write()} wrote. */
    public static MLReader<TwoLayerClassificationModel> read() {
        return new Reader();
    }

    /** Reads what {@code save(path)} wrote. */
    public static TwoLayerClassificationModel load(String path) {
        return read().load(path);
    }

    private static final class Writer extends MLWriter {
        private final TwoLayerClassificationModel model;

        Writer(TwoLayerClassificationModel model) {
            this.model = model;
        }

        @Override
        public void saveImpl(String path) {
            DefaultParamsWriter.saveMetadata(model, path, sparkSession());
            try (Parameters weights = model.net.parameters()) {
                ModelFile.write(
                        sparkSession().sparkContext().hadoopConfiguration(),
                        path + "/" + FILE,
                        true,
                        weights,
                        model.net.activation(),
                        model.loss,
                        model.provenance);
            } catch (IOException e) {
                throw new UncheckedIOException(path + ": cannot be written: " + e.getMessage(), e);
            }
        }
    }

    private static final class Reader extends MLReader<TwoLayerClassificationModel> {
        @Override
        public TwoLayerClassificationModel load(String path) {
            Metadata metadata =
                    DefaultParamsReader.loadMetadata(path, sparkSession(), TwoLayerClassificationModel.class.getName());
            TwoLayerClassificationModel model =
                    TwoLayerClassificationModel.read(sparkSession(), path + "/" + FILE, metadata.uid());
            metadata.getAndSetParams(model, metadata.getAndSetParams$default$2());
            return model;
        }
    }
}
