package dev.lockstep.model;

import dev.lockstep.files.OnnxFile;
import dev.lockstep.files.OnnxGraph;
import dev.lockstep.files.OnnxGraph.Element;
import dev.lockstep.files.OnnxGraph.Node;
import dev.lockstep.files.OnnxGraph.Value;
import dev.lockstep.files.Tensor;
import dev.lockstep.kernel.Activation;
import dev.lockstep.net.NetworkShape;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A trained network as an ONNX model: from pixels as they stand in the file to class and probabilities.
 *
 * <pre>
 *   pixels [batch, inputs] --/ 255--> Gemm W1, b1 --activation--> Gemm W2, b2 --Softmax--> probabilities [batch, classes]
 *                                                                            \--ArgMax--> label [batch], int64
 * </pre>
 */
public final class OnnxExport {
    /** The largest file that a reader of protocol buffers takes. */
    private static final long MAX_BYTES = Integer.MAX_VALUE - (1 << 20);

    private static final String BRIGHTEST = "brightest";

    private OnnxExport() {}

    /** Whether a network fits into an ONNX file. */
    public static boolean fits(NetworkShape shape) {
        return shape.parameters() * Float.BYTES <= MAX_BYTES;
    }

    /**
     * Writes the model, with its texts as metadata.
     *
     * @param out left open, not flushed
     * @param version of this program
     */
    public static void write(OutputStream out, ModelFile.Model model, String version) throws IOException {
        NetworkShape shape = model.weights().shape();
        Value pixels = new Value(
                "pixels",
                Element.FLOAT32,
                List.of(shape.inputs()),
                "pixels row by row, 0 to 255 as in the IDX file; the model divides them by 255");
        Value label = new Value("label", Element.INT64, List.of(), "the most probable class");
        Value probabilities =
                new Value("probabilities", Element.FLOAT32, List.of(shape.outputs()), "of each class, with sum 1");
        List<Tensor> constants = new ArrayList<>(ModelFile.tensors(model.weights()));
        constants.add(new Tensor(BRIGHTEST, new int[0], new float[] {255}));
        OnnxGraph graph = new OnnxGraph(
                "two_layer_net",
                "Two-layer network " + shape + " trained by Lockstep. Input: " + pixels.description() + ".",
                List.of(pixels),
                List.of(
                        new Node("Div", List.of("pixels", BRIGHTEST), "x", Map.of()),
                        new Node("Gemm", List.of("x", "W1", "b1"), "a1", Map.of()),
                        new Node(operator(model.activation()), List.of("a1"), "z1", Map.of()),
                        new Node("Gemm", List.of("z1", "W2", "b2"), "scores", Map.of()),
                        new Node("Softmax", List.of("scores"), "probabilities", Map.of("axis", 1)),
                        new Node(
                                "ArgMax", List.of("scores"), "label", new TreeMap<>(Map.of("axis", 1, "keepdims", 0)))),
                constants,
                List.of(label, probabilities));
        OnnxFile.write(out, graph, Map.entry("lockstep", version), new TreeMap<>(model.texts()));
    }

    private static String operator(Activation activation) {
        return switch (activation) {
            case SIGMOID -> "Sigmoid";
            case TANH -> "Tanh";
            case RELU -> "Relu";
        };
    }
}
