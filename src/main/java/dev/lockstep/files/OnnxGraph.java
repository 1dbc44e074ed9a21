package dev.lockstep.files;

import java.util.List;
import java.util.Map;

/**
 * A computation as {@link OnnxFile} writes it.
 *
 * @param name of the graph
 * @param description of the whole, for people
 * @param inputs what a user gives
 * @param nodes in the order of the computation
 * @param constants tensors that nodes take as inputs, by their names
 * @param outputs what a user gets
 */
public record OnnxGraph(
        String name,
        String description,
        List<Value> inputs,
        List<Node> nodes,
        List<Tensor> constants,
        List<Value> outputs) {

    /** Kinds of number. */
    public enum Element {
        FLOAT32(OnnxLayout.FLOAT32),
        INT64(OnnxLayout.INT64);

        private final int code;

        Element(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    /**
     * An input or output of the graph. Its first axis is the examples', of which there may be any number.
     *
     * @param exampleShape sizes of the other axes
     */
    public record Value(String name, Element element, List<Integer> exampleShape, String description) {}

    /**
     * An operation.
     *
     * @param operator as operator set 17 calls it
     * @param inputs names of values and constants
     * @param output name of the value that it makes
     * @param attributes whole numbers by name
     */
    public record Node(String operator, List<String> inputs, String output, Map<String, Integer> attributes) {}
}
