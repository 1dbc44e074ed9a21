package dev.lockstep.files;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes ONNX files, and reads the tensors of those that hold theirs as this class writes them. The layout stands in {@link
 * OnnxLayout}. Both ways go through the stream once; neither closes it. No state: any thread may call.
 */
public final class OnnxFile {
    /** The first axis of every input and output, as tools show it. */
    private static final String EXAMPLES = "batch";

    private static final int MAX_NAME_BYTES = 1 << 10;

    private OnnxFile() {}

    /**
     * Writes a file of operator set {@value OnnxLayout#OPERATOR_SET}. Equal graphs and equal metadata give equal bytes.
     *
     * @param out left open, not flushed
     * @param producer the program and its version
     * @param metadata free text by key, in the order of the map
     * @throws IOException if the stream refuses the bytes
     */
    public static void write(
            OutputStream out, OnnxGraph graph, Map.Entry<String, String> producer, Map<String, String> metadata)
            throws IOException {
        ProtoMessage model = new ProtoMessage()
                .number(OnnxLayout.MODEL_IR_VERSION, OnnxLayout.IR_VERSION)
                .text(OnnxLayout.MODEL_PRODUCER_NAME, producer.getKey())
                .text(OnnxLayout.MODEL_PRODUCER_VERSION, producer.getValue())
                .text(OnnxLayout.MODEL_DOC, graph.description())
                .message(OnnxLayout.MODEL_GRAPH, graph(graph))
                .message(
                        OnnxLayout.MODEL_OPERATOR_SET,
                        new ProtoMessage().number(OnnxLayout.OPERATOR_SET_VERSION, OnnxLayout.OPERATOR_SET));
        metadata.forEach((key, value) -> model.message(
                OnnxLayout.MODEL_METADATA,
                new ProtoMessage().text(OnnxLayout.ENTRY_KEY, key).text(OnnxLayout.ENTRY_VALUE, value)));
        model.writeTo(out);
    }

    private static ProtoMessage graph(OnnxGraph graph) {
        ProtoMessage message = new ProtoMessage();
        graph.nodes().forEach(node -> message.message(OnnxLayout.GRAPH_NODE, node(node)));
        message.text(OnnxLayout.GRAPH_NAME, graph.name());
        graph.constants().forEach(tensor -> message.message(OnnxLayout.GRAPH_INITIALIZER, tensor(tensor)));
        graph.inputs().forEach(value -> message.message(OnnxLayout.GRAPH_INPUT, value(value)));
        graph.outputs().forEach(value -> message.message(OnnxLayout.GRAPH_OUTPUT, value(value)));
        return message;
    }

    private static ProtoMessage node(OnnxGraph.Node node) {
        ProtoMessage message = new ProtoMessage();
        node.inputs().forEach(name -> message.text(OnnxLayout.NODE_INPUT, name));
        message.text(OnnxLayout.NODE_OUTPUT, node.output())
                .text(OnnxLayout.NODE_NAME, node.output())
                .text(OnnxLayout.NODE_OPERATOR, node.operator());
        node.attributes()
                .forEach((name, value) -> message.message(
                        OnnxLayout.NODE_ATTRIBUTE,
                        new ProtoMessage()
                                .text(OnnxLayout.ATTRIBUTE_NAME, name)
                                .number(OnnxLayout.ATTRIBUTE_INT, value)
                                .number(OnnxLayout.ATTRIBUTE_TYPE, OnnxLayout.ATTRIBUTE_TYPE_INT)));
        return message;
    }

    private static ProtoMessage value(OnnxGraph.Value value) {
        ProtoMessage shape = new ProtoMessage()
                .message(OnnxLayout.SHAPE_DIMENSION, new ProtoMessage().text(OnnxLayout.DIMENSION_NAME, EXAMPLES));
        value.exampleShape()
                .forEach(size -> shape.message(
                        OnnxLayout.SHAPE_DIMENSION, new ProtoMessage().number(OnnxLayout.DIMENSION_SIZE, size)));
        ProtoMessage tensor = new ProtoMessage()
                .number(OnnxLayout.TENSOR_TYPE_ELEMENT, value.element().code())
                .message(OnnxLayout.TENSOR_TYPE_SHAPE, shape);
        return new ProtoMessage()
                .text(OnnxLayout.VALUE_NAME, value.name())
                .message(OnnxLayout.VALUE_TYPE, new ProtoMessage().message(OnnxLayout.TYPE_TENSOR, tensor))
                .text(OnnxLayout.VALUE_DOC, value.description());
    }

    private static ProtoMessage tensor(Tensor tensor) {
        ProtoMessage message = new ProtoMessage();
        for (int size : tensor.shape()) {
            message.number(OnnxLayout.TENSOR_DIMENSION, size);
        }
        return message.number(OnnxLayout.TENSOR_TYPE, OnnxLayout.FLOAT32)
                .text(OnnxLayout.TENSOR_NAME, tensor.name())
                .floats(OnnxLayout.TENSOR_RAW_DATA, tensor.values());
    }

    /**
     * Reads the tensors of float32 among a graph's constants; what else there is, the computation included, is passed over.
     * Memory is taken for what the length of the file bears out, never for what is claimed in it.
     *
     * @param name of the file, for messages
     * @param in at the first byte; left open, at the end
     * @param fileLengthBytes as the file system tells it
     * @throws dev.lockstep.BadInputException if the file is damaged, truncated or over-long, or a tensor's values do not stand in it as raw
     *     data
     * @throws IOException if the stream cannot be read
     */
    public static List<Tensor> read(String name, InputStream in, long fileLengthBytes) throws IOException {
        InputStream buffered = new BufferedInputStream(in);
        ProtoReader reader = new ProtoReader(name, buffered);
        List<Tensor> tensors = new ArrayList<>();
        Set<String> names = new HashSet<>();
        boolean hasGraph = false;
        for (int field = reader.next(fileLengthBytes); field != 0; field = reader.next(fileLengthBytes)) {
            if (field == OnnxLayout.MODEL_GRAPH) {
                hasGraph = true;
                readGraph(name, reader, reader.enter(fileLengthBytes), tensors, names);
            } else {
                reader.skip(fileLengthBytes);
            }
        }
        if (!hasGraph) {
            throw TensorFileFault.at(name, fileLengthBytes, "an ONNX model with a graph", "the end without one");
        }
        if (buffered.read() >= 0) {
            throw TensorFileFault.at(name, fileLengthBytes, "the end of the file", "more bytes than its length says");
        }
        return List.copyOf(tensors);
    }

    private static void readGraph(String file, ProtoReader reader, long end, List<Tensor> tensors, Set<String> names)
            throws IOException {
        for (int field = reader.next(end); field != 0; field = reader.next(end)) {
            if (field != OnnxLayout.GRAPH_INITIALIZER) {
                reader.skip(end);
                continue;
            }
            long start = reader.position();
            Tensor tensor = readTensor(file, reader, reader.enter(end));
            if (tensor != null && !names.add(tensor.name())) {
                throw TensorFileFault.at(
                        file, start, "each tensor once", TensorFileFault.quoted(tensor.name()) + " again");
            }
            if (tensor != null) {
                tensors.add(tensor);
            }
        }
    }

    /** A tensor; null if it is not of float32. */
    private static Tensor readTensor(String file, ProtoReader reader, long end) throws IOException {
        long start = reader.position();
        int[] shape = new int[Tensor.MAX_AXES];
        int axes = 0;
        long type = 0;
        String name = "";
        long valuesStart = 0;
        float[] values = null;
        for (int field = reader.next(end); field != 0; field = reader.next(end)) {
            switch (field) {
                case OnnxLayout.TENSOR_DIMENSION -> axes = readDimensions(file, reader, end, shape, axes);
                case OnnxLayout.TENSOR_TYPE -> type = reader.number(end, Integer.MAX_VALUE);
                case OnnxLayout.TENSOR_NAME -> name = reader.text(reader.enter(end), MAX_NAME_BYTES);
                case OnnxLayout.TENSOR_RAW_DATA -> {
                    // What another type than float32 has here is skipped as bytes: the type may stand behind them.
                    if (type != OnnxLayout.FLOAT32) {
                        reader.skip(end);
                    } else {
                        long valuesEnd = reader.enter(end);
                        valuesStart = reader.position();
                        values = reader.floats(valuesEnd);
                    }
                }
                default -> reader.skip(end);
            }
        }
        if (type != OnnxLayout.FLOAT32) {
            return null;
        }
        int[] found = Arrays.copyOf(shape, axes);
        if (!Tensor.isStorableName(name)) {
            throw TensorFileFault.at(file, start, "a tensor name", TensorFileFault.quoted(name));
        }
        if (values == null) {
            throw TensorFileFault.at(
                    file, start, "raw data behind the type of tensor " + TensorFileFault.quoted(name), "none");
        }
        if (Tensor.elementCount(found) != values.length) {
            throw TensorFileFault.at(
                    file,
                    valuesStart,
                    "values for shape " + Arrays.toString(found) + " of tensor " + TensorFileFault.quoted(name),
                    Integer.toString(values.length));
        }
        return new Tensor(name, found, values);
    }

    private static int readDimensions(String file, ProtoReader reader, long end, int[] shape, int axes)
            throws IOException {
        int count = axes;
        // One by one, or (as ONNX's own library writes them) several together.
        long packedEnd = reader.isBytes() ? reader.enter(end) : -1;
        do {
            if (packedEnd == reader.position()) {
                return count;
            }
            if (count == Tensor.MAX_AXES) {
                throw TensorFileFault.at(file, reader.position(), "at most " + Tensor.MAX_AXES + " axes", "more");
            }
            shape[count++] = (int)
                    (packedEnd < 0
                            ? reader.number(end, Integer.MAX_VALUE)
                            : reader.packed(packedEnd, Integer.MAX_VALUE));
        } while (packedEnd >= 0);
        return count;
    }
}
