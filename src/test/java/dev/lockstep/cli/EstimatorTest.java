package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.ml.Digits;
import dev.lockstep.ml.Frames;
import dev.lockstep.ml.TwoLayerClassificationModel;
import dev.lockstep.ml.TwoLayerClassifier;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The estimator gives the weights of the command {@code train} on the same digits, bit for bit. */
@ExtendWith(LeakCheck.class)
class EstimatorTest {
    private static final Path DIGITS = Programs.project("data/mnist-10k");

    private static IdxWriter train;
    private static SparkSession spark;

    @TempDir
    Path directory;

    @BeforeAll
    static void start() throws IOException {
        byte[] images = content("train-images-idx3-ubyte.gz");
        byte[] labels = content("train-labels-idx1-ubyte.gz");
        train = new IdxWriter(
                labels.length - 8,
                28,
                28,
                Arrays.copyOfRange(images, 16, images.length),
                Arrays.copyOfRange(labels, 8, labels.length));
        spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static byte[] content(String name) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(DIGITS.resolve(name)))) {
            return in.readAllBytes();
        }
    }

    private String shaOfTrain(Object... options) throws IOException {
        List<Object> words = new ArrayList<>(List.of("train", "--data", DIGITS, "--engine", "local"));
        words.addAll(List.of("--out", directory.resolve("run"), "--overwrite"));
        words.addAll(List.of(options));
        InProcess.run(words.toArray()).succeeded();
        return new ObjectMapper()
                .readTree(directory.resolve("run/summary.json").toFile())
                .path("weights_sha256")
                .textValue();
    }

    private static String shaOfFit(TwoLayerClassifier classifier, int partitions, boolean isSparse) {
        return classifier.fit(Frames.frame(spark, train, partitions, isSparse)).weightsSha256();
    }

    @Test
    void bookOfWhateverPartitionsAndVectors() throws IOException {
        String expected = shaOfTrain("--iterations", 200);
        assertThat(shaOfFit(new TwoLayerClassifier().setIterations(200), 3, false))
                .isEqualTo(expected);
        assertThat(shaOfFit(new TwoLayerClassifier().setIterations(200), 1, true))
                .isEqualTo(expected);
        assertThat(shaOfFit(new TwoLayerClassifier().setIterations(200).setTasks(5), 11, true))
                .isEqualTo(expected);
        assertThat(shaOfFit(new TwoLayerClassifier().setIterations(200).setSeed(2), 3, false))
                .isNotEqualTo(expected);
    }

    @Test
    void theFilesAsADataFrameAreTheSameRows() {
        Dataset<Row> digits = Digits.read(spark, DIGITS.toString(), "train");
        List<Row> expected = Frames.frame(spark, train, 3, true).collectAsList();
        assertThat(digits.collectAsList().equals(expected)).isTrue(); // megabytes, if they were printed
        assertThat(digits.limit(1).collectAsList()).hasSize(1); // a task that ends early leaves nothing open
    }

    @Test
    void modernWithAllThatItTakes() throws IOException {
        String expected = shaOfTrain(
                "--preset",
                "modern",
                "--hidden",
                33,
                "--epochs",
                3,
                "--validation-fraction",
                0.25,
                "--patience",
                1,
                "--seed",
                7,
                "--shards",
                5,
                "--weight-decay",
                1e-4,
                "--loss",
                "mse");
        TwoLayerClassifier classifier = new TwoLayerClassifier()
                .setActivation("relu")
                .setInit("he")
                .setOptimizer("nesterov")
                .setMomentum(0.9)
                .setLearningRate(0.05)
                .setSchedule("cosine")
                .setSampling("epoch")
                .setHiddenUnits(33)
                .setEpochs(3)
                .setValidationFraction(0.25)
                .setPatience(1)
                .setSeed(7)
                .setShards(5)
                .setWeightDecay(1e-4)
                .setLoss("mse");
        assertThat(shaOfFit(classifier, 4, false)).isEqualTo(expected);
    }

    @Test
    void modelsGoFromOneToTheOther() throws IOException {
        String expected = shaOfTrain("--iterations", 50);
        TwoLayerClassificationModel model = TwoLayerClassificationModel.fromFile(
                directory.resolve("run/model.safetensors").toString());
        assertThat(model.weightsSha256()).isEqualTo(expected);
        model.write().overwrite().save(directory.resolve("saved").toString());
        Outcome evaluated = InProcess.run(
                "export",
                "--model",
                directory.resolve("saved/model.safetensors"),
                "--format",
                "npz",
                "--out",
                directory.resolve("model.npz"));
        evaluated.succeeded();
        String on = shaOfTrain("--iterations", 20, "--init-weights", directory.resolve("model.npz"));
        TwoLayerClassifier from = new TwoLayerClassifier()
                .setIterations(20)
                .setInitWeights(directory.resolve("model.npz").toString());
        assertThat(shaOfFit(from, 2, true)).isEqualTo(on);
    }
}
