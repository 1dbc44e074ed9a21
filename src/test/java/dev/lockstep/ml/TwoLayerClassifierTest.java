package dev.lockstep.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.BadInputException;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.classification.OneVsRest;
import org.apache.spark.ml.classification.OneVsRestModel;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.feature.StandardScaler;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.ml.tuning.TrainValidationSplit;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The estimator as a part of Spark ML: what its users call, on three clouds of points that a small network tells apart. */
@ExtendWith(LeakCheck.class)
class TwoLayerClassifierTest {
    private static final int CLASSES = 3;
    private static final int ROWS = 240;

    private static SparkSession spark;
    private static Dataset<Row> clouds;

    @TempDir
    static Path staging;

    @TempDir
    Path directory;

    @BeforeAll
    static void start() {
        spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "2")
                .getOrCreate();
        Random random = new Random(5);
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            int label = i % CLASSES;
            double angle = label * 2 * Math.PI / CLASSES;
            double[] point = {
                Math.cos(angle) + 0.3 * random.nextGaussian(),
                0,
                Math.sin(angle) + 0.3 * random.nextGaussian(),
                0,
                random.nextGaussian()
            };
            Vector vector = Vectors.dense(point);
            rows.add(RowFactory.create((double) label, i % 2 == 0 ? vector : vector.toSparse()));
        }
        clouds = Frames.frame(spark, rows, 3).cache();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static TwoLayerClassifier small() {
        return new TwoLayerClassifier()
                .setHiddenUnits(9)
                .setActivation("tanh")
                .setInit("xavier")
                .setBatchSize(24)
                .setLearningRate(0.3)
                .setIterations(150)
                .setStagingDirectory(staging.toString());
    }

    private static double accuracy(Dataset<Row> predictions) {
        return new MulticlassClassificationEvaluator().setMetricName("accuracy").evaluate(predictions);
    }

    // --- Parameters ---

    @Test
    void parametersThatContradictEachOtherAreRefused() {
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> small().setEpochs(2).fit(clouds))
                .withMessageContaining("epochs and iterations");
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> small().setPatience(2).fit(clouds))
                .withMessageContaining("validationFraction");
    }

    @Test
    void copiesAndFilesKeepUidAndParameters() throws IOException {
        TwoLayerClassifier classifier = small().setLabelCol("label").setThresholds(new double[] {1, 2, 3});
        TwoLayerClassifier copy =
                classifier.copy(ParamMap.empty().put(classifier.seed().w(9L)));
        assertThat(copy.uid()).isEqualTo(classifier.uid());
        assertThat(copy.getSeed()).isEqualTo(9);
        assertThat(copy.getHiddenUnits()).isEqualTo(9);
        String path = directory.resolve("classifier").toString();
        classifier.save(path);
        TwoLayerClassifier loaded = TwoLayerClassifier.load(path);
        assertThat(loaded.uid()).isEqualTo(classifier.uid());
        assertThat(loaded.getThresholds()).containsExactly(1, 2, 3);
        loaded.clear(loaded.thresholds());
        classifier.clear(classifier.thresholds()); // whose text is where the array lies
        assertThat(loaded.explainParams()).isEqualTo(classifier.explainParams());
        assertThat(loaded.featuresCol().parent()).isEqualTo(classifier.uid());
        assertThat(new TwoLayerClassifier().uid()).isNotEqualTo(classifier.uid());
    }

    // --- The model ---

    @Test
    void aModelPredictsAndIsTheSameFromAFile() throws IOException {
        TwoLayerClassificationModel model = small().fit(clouds);
        assertThat(model.numFeatures()).isEqualTo(5);
        assertThat(model.numClasses()).isEqualTo(CLASSES);
        assertThat(model.weights().size()).isEqualTo(5 * 9 + 9 + 9 * CLASSES + CLASSES);
        List<Row> rows = model.transform(clouds).collectAsList();
        assertThat(accuracy(model.transform(clouds))).isGreaterThan(0.95);
        for (Row row : rows) {
            Vector probability = row.getAs("probability");
            assertThat(Arrays.stream(probability.toArray()).sum()).isCloseTo(1, within(1e-6));
            assertThat((double) row.<Double>getAs("prediction")).isEqualTo(probability.argmax());
            assertThat(row.<Vector>getAs("rawPrediction").argmax()).isEqualTo(probability.argmax());
        }
        String path = directory.resolve("model").toString();
        model.setProbabilityCol("p").save(path);
        TwoLayerClassificationModel loaded = TwoLayerClassificationModel.load(path);
        assertThat(loaded.uid()).isEqualTo(model.uid());
        assertThat(loaded.weightsSha256()).isEqualTo(model.weightsSha256());
        assertThat(loaded.hasSummary()).isFalse();
        assertThat(loaded.getProbabilityCol()).isEqualTo("p");
        assertThat(loaded.transform(clouds).collectAsList()).isEqualTo(rows);
    }

    @Test
    void aDamagedModelFileIsNamed() throws IOException {
        Path path = directory.resolve("model");
        small().setIterations(1).fit(clouds).save(path.toString());
        Path file = path.resolve(TwoLayerClassificationModel.FILE);
        Files.deleteIfExists(path.resolve(".model.safetensors.crc"));
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 100));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> TwoLayerClassificationModel.load(path.toString()))
                .withMessageContaining(TwoLayerClassificationModel.FILE);
    }

    @Test
    void thresholdsAndColumnsThatAreLeftOut() {
        TwoLayerClassificationModel model = small().fit(clouds);
        model.setThresholds(new double[] {1e-6, 1, 1});
        assertThat(model.transform(clouds).filter("prediction = 0").count()).isEqualTo(ROWS);
        model.setRawPredictionCol("").setProbabilityCol("");
        Dataset<Row> predicted = model.transform(clouds);
        assertThat(predicted.columns()).containsExactly("label", "features", "prediction");
        assertThat(predicted.filter("prediction = 0").count()).isEqualTo(ROWS);
        assertThat(model.evaluate(clouds).accuracy()).isCloseTo(1.0 / CLASSES, within(1e-9));
    }

    @Test
    void summariesSayWhatThePredictionsSay() {
        TwoLayerClassificationModel model = small().setValidationFraction(0.25).fit(clouds);
        TwoLayerTrainingSummary training = model.summary();
        assertThat(training.totalIterations()).isEqualTo(150);
        assertThat(training.steps()).startsWith(8, 16).hasSize(19).endsWith(144, 150);
        assertThat(training.objectiveHistory()[18]).isLessThan(training.objectiveHistory()[0]);
        assertThat(training.validationAccuracyHistory()[18]).isGreaterThan(0.9);
        assertThat(training.millisPerStep()).isPositive();
        assertThat(training.workersLost()).isZero();

        List<Row> rows = model.transform(clouds).collectAsList();
        double[][] counts = new double[CLASSES][CLASSES];
        double logLoss = 0;
        for (Row row : rows) {
            int label = (int) row.getDouble(0);
            counts[label][(int) row.<Double>getAs("prediction").doubleValue()]++;
            logLoss -= Math.log(row.<Vector>getAs("probability").apply(label)) / ROWS;
        }
        TwoLayerSummary summary = model.evaluate(clouds);
        double correct = 0;
        for (int label = 0; label < CLASSES; label++) {
            correct += counts[label][label];
            for (int k = 0; k < CLASSES; k++) {
                assertThat(summary.confusionMatrix().apply(label, k)).isEqualTo(counts[label][k]);
            }
            assertThat(summary.recallByLabel()[label])
                    .isEqualTo(
                            counts[label][label] / Arrays.stream(counts[label]).sum());
        }
        assertThat(summary.accuracy()).isEqualTo(correct / ROWS);
        assertThat(summary.logLoss()).isCloseTo(logLoss, within(1e-9));
        assertThat(summary.labels()).containsExactly(0, 1, 2);
    }

    @Test
    void aVectorOfAnotherWidthIsNamed() {
        TwoLayerClassificationModel model = small().setIterations(1).fit(clouds);
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> model.predictRaw(Vectors.dense(1, 2, 3)))
                .withMessage("column features: expected a vector of 5 elements, found one of 3");
    }

    // --- Among other stages ---

    @Test
    void inAPipelineThatIsSavedAndLoaded() throws IOException {
        Dataset<Row> named =
                clouds.selectExpr("element_at(array('red', 'green', 'blue'), int(label) + 1) color", "features");
        StringIndexer indexer = new StringIndexer().setInputCol("color").setOutputCol("class");
        StandardScaler scaler = new StandardScaler().setInputCol("features").setOutputCol("scaled");
        TwoLayerClassifier classifier = small().setFeaturesCol("scaled").setLabelCol("class");
        PipelineModel model = new Pipeline()
                .setStages(new PipelineStage[] {indexer, scaler, classifier})
                .fit(named);
        Dataset<Row> predicted = model.transform(named);
        assertThat(predicted.filter("prediction = class").count()).isGreaterThan((long) (0.9 * ROWS));
        String path = directory.resolve("pipeline").toString();
        model.save(path);
        assertThat(PipelineModel.load(path).transform(named).collectAsList()).isEqualTo(predicted.collectAsList());
    }

    @Test
    void underCrossValidationAndTrainValidationSplit() throws IOException {
        TwoLayerClassifier classifier = small().setIterations(60);
        ParamMap[] grid = new ParamGridBuilder()
                .addGrid(classifier.learningRate(), new double[] {0, 0.5})
                .addGrid(classifier.hiddenUnits(), new int[] {8})
                .build();
        MulticlassClassificationEvaluator evaluator = new MulticlassClassificationEvaluator();
        CrossValidatorModel crossed = new CrossValidator()
                .setEstimator(classifier)
                .setEstimatorParamMaps(grid)
                .setEvaluator(evaluator)
                .setNumFolds(2)
                .setParallelism(2)
                .setSeed(1)
                .fit(clouds);
        assertThat(crossed.avgMetrics()[1]).isGreaterThan(0.9).isGreaterThan(crossed.avgMetrics()[0]);
        TwoLayerClassificationModel best = (TwoLayerClassificationModel) crossed.bestModel();
        assertThat(best.hiddenUnits()).isEqualTo(8);
        String path = directory.resolve("crossed").toString();
        crossed.save(path);
        assertThat(((TwoLayerClassificationModel) CrossValidatorModel.load(path).bestModel()).weightsSha256())
                .isEqualTo(best.weightsSha256());
        Dataset<Row> split = new TrainValidationSplit()
                .setEstimator(classifier)
                .setEstimatorParamMaps(grid)
                .setEvaluator(evaluator)
                .setSeed(1)
                .fit(clouds)
                .transform(clouds);
        assertThat(accuracy(split)).isGreaterThan(0.9);
    }

    @Test
    void asOneAgainstTheRest() {
        OneVsRestModel model = new OneVsRest().setClassifier(small()).fit(clouds);
        assertThat(model.models()).hasSize(CLASSES);
        assertThat(((TwoLayerClassificationModel) model.models()[0]).numClasses())
                .isEqualTo(2);
        assertThat(accuracy(model.transform(clouds))).isGreaterThan(0.9);
    }

    // --- Rows ---

    private static Row row(Object label, double... values) {
        return RowFactory.create(label, values.length == 0 ? null : Vectors.dense(values));
    }

    private static void assertRefused(List<Row> rows, String... words) {
        Dataset<Row> frame = Frames.frame(spark, rows, 3);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> small().fit(frame))
                .satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @Test
    void aRowThatCannotBeTrainedWithIsNamed() {
        List<Row> good = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            good.add(row((double) (i % 2), i, 0, 1));
        }
        Object[][] bad = {
            {row(-1.0, 1, 2, 3), "column label", "found -1.0"},
            {row(0.5, 1, 2, 3), "column label", "found 0.5"},
            {row(256.0, 1, 2, 3), "column label", "0 to 255", "found 256.0"},
            {row(Double.NaN, 1, 2, 3), "column label", "found NaN"},
            {row(null, 1, 2, 3), "column label", "found null"},
            {row(1.0), "column features", "found null"},
            {row(1.0, 1, 2), "column features", "3 elements", "2"},
            {row(1.0, 1, Double.NaN, 3), "column features, element 1", "found NaN"},
            {row(1.0, 1, 2, 1e39), "column features, element 2", "float32", "found 1.0E39"},
            {
                RowFactory.create(1.0, Vectors.sparse(3, new int[] {2}, new double[] {Double.NEGATIVE_INFINITY})),
                "column features, element 2",
                "found -Infinity"
            },
        };
        for (Object[] example : bad) {
            for (int at : new int[] {0, 4, 8}) {
                List<Row> rows = new ArrayList<>(good);
                rows.set(at, (Row) example[0]);
                rows.set(8, (Row) example[0]); // a later one does not hide it
                String[] words = new String[example.length];
                System.arraycopy(example, 1, words, 1, words.length - 1);
                // Where the first row is the one of another width, the second is the first that differs.
                boolean isFirstWidth = at == 0 && example[2].equals("3 elements");
                words[0] = "row " + (isFirstWidth ? 1 : at) + " of the DataFrame";
                words[2] = isFirstWidth ? "2 elements" : words[2];
                assertRefused(rows, words);
            }
        }
        assertRefused(List.of(), "at least one row");
    }

    @Test
    void classesAreWhatTheLabelsSayOrMore() {
        Dataset<Row> two = clouds.filter("label < 2");
        TwoLayerClassifier short_ = small().setIterations(1);
        assertThat(short_.fit(two).numClasses()).isEqualTo(2);
        assertThat(short_.fit(clouds.filter("label = 0")).numClasses()).isEqualTo(2);
        assertThat(short_.copy(ParamMap.empty()).setClasses(7).fit(two).numClasses())
                .isEqualTo(7);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> short_.setClasses(2).fit(clouds))
                .withMessageContaining("0 to 1")
                .withMessageContaining("found 2");
    }

    @Test
    void nothingIsLeftBehind() throws IOException {
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        context.setJobGroup("mine", "my work", false);
        TwoLayerClassificationModel first = small().fit(clouds);
        assertThat(context.getLocalProperty("spark.jobGroup.id")).isEqualTo("mine");
        assertThat(context.getLocalProperty("spark.job.description")).isEqualTo("my work");
        context.clearJobGroup();
        assertRefused(List.of(row(-1.0, 1)), "column label");
        try (Stream<Path> left = Files.list(staging)) {
            assertThat(left).isEmpty();
        }
        // Two at a time take turns, and get what each would get alone.
        CompletableFuture<String> other =
                CompletableFuture.supplyAsync(() -> small().fit(clouds).weightsSha256());
        assertThat(small().fit(clouds).weightsSha256()).isEqualTo(first.weightsSha256());
        assertThat(other.join()).isEqualTo(first.weightsSha256());
    }
}
