package dev.lockstep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.TwoLayerNet;
import dev.lockstep.net.Workspace;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What ONNX Runtime makes of an exported model is what our own network makes of the same images. */
@ExtendWith(LeakCheck.class)
class OnnxExportTest {
    private static final NetworkShape SHAPE = new NetworkShape(784, 50, 10);
    private static final Path DATA = Path.of(System.getProperty("lockstep.project"), "data/mnist-10k");

    @TempDir
    Path directory;

    private static float[] pixels(int examples) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(DATA.resolve("t10k-images-idx3-ubyte.gz")))) {
            byte[] bytes = in.readAllBytes();
            float[] pixels = new float[examples * SHAPE.inputs()];
            assertThat(bytes).hasSize(16 + pixels.length);
            for (int i = 0; i < pixels.length; i++) {
                pixels[i] = bytes[16 + i] & 0xff;
            }
            return pixels;
        }
    }

    private static long[] shape(Map<String, ai.onnxruntime.NodeInfo> values, String name) {
        return ((TensorInfo) values.get(name).getInfo()).getShape();
    }

    private static void assertSame(OrtSession.Result result, Parameters weights, Activation activation, Shard shard)
            throws OrtException {
        OnnxValue probabilities = result.get("probabilities").orElseThrow();
        float[][] found = (float[][]) probabilities.getValue();
        long[] labels = (long[]) result.get("label").orElseThrow().getValue();
        TwoLayerNet net = new TwoLayerNet(SHAPE, activation, Loss.CROSS_ENTROPY, KernelChoice.AUTO.kernels());
        try (SparseBatch batch = new SparseBatch(SHAPE.inputs(), shard.examples(), shard.maxGroups());
                Workspace workspace = new Workspace(SHAPE, batch)) {
            for (int row = 0; row < shard.examples(); row++) {
                shard.copyRow(row, batch);
            }
            int[] expectedLabels = new int[shard.examples()];
            FloatMatrix expected = net.predict(weights, batch, workspace, expectedLabels);
            assertThat(labels).hasSameSizeAs(expectedLabels);
            for (int row = 0; row < shard.examples(); row++) {
                assertThat(labels[row]).as("class of image %d", row).isEqualTo(expectedLabels[row]);
                for (int k = 0; k < SHAPE.outputs(); k++) {
                    assertThat(found[row][k])
                            .as("image %d, class %d", row, k)
                            .isCloseTo(expected.get(row, k), within(1e-5f));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void onnxRuntimeAgreesOnEveryTestImage(Activation activation) throws IOException, OrtException {
        Configuration conf = new Configuration();
        LabelledImages images = LabelledImages.open(conf, DATA.toString(), LabelledImages.TEST);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (Parameters weights = new Parameters(SHAPE);
                Shard shard = ShardReader.read(conf, images, List.of(new ShardRange(0, images.examples())), 10)
                        .get(0)) {
            // Of a size at which all classes are taken and probabilities are neither all alike nor all 0 and 1.
            Initializer.HE.initialize(weights, 0, 5);
            OnnxExport.write(
                    bytes,
                    new ModelFile.Model(
                            weights, activation, Loss.CROSS_ENTROPY, Map.of("activation", "x", "a", "\u00e4")),
                    "1.2");
            try (OrtSession session = environment.createSession(bytes.toByteArray());
                    OnnxTensor input = OnnxTensor.createTensor(
                            environment,
                            FloatBuffer.wrap(pixels(images.examples())),
                            new long[] {images.examples(), SHAPE.inputs()});
                    OrtSession.Result result = session.run(Map.of("pixels", input))) {
                assertSame(result, weights, activation, shard);
                assertThat(shape(session.getInputInfo(), "pixels")).containsExactly(-1, 784);
                assertThat(shape(session.getOutputInfo(), "probabilities")).containsExactly(-1, 10);
                assertThat(shape(session.getOutputInfo(), "label")).containsExactly(-1);
                assertThat(session.getMetadata().getProducerName()).isEqualTo("lockstep");
                assertThat(session.getMetadata().getDescription()).contains("784-50-10", "0 to 255");
                assertThat(session.getMetadata().getCustomMetadata())
                        .containsExactlyInAnyOrderEntriesOf(Map.of("activation", "x", "a", "\u00e4"));
            }
            Path file = Files.write(directory.resolve("model.onnx"), bytes.toByteArray());
            try (Parameters back = new Parameters(SHAPE)) {
                ModelFile.readInto(conf, file.toString(), back);
                assertThat(ModelFile.tensors(back)).isEqualTo(ModelFile.tensors(weights));
            }
        }
    }
}
