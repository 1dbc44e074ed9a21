package dev.lockstep.model;

import dev.lockstep.BadInputException;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.files.NpzFile;
import dev.lockstep.files.OnnxFile;
import dev.lockstep.files.Place;
import dev.lockstep.files.SafetensorsFile;
import dev.lockstep.files.Tensor;
import dev.lockstep.files.TensorFileFault;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Trained networks as files on any Hadoop FileSystem: W1 [inputs, hidden], b1 [hidden], W2 [hidden, outputs], b2 [outputs]
 * in float32, in safetensors (with texts on where the model comes from) or npz (tensors only).
 */
public final class ModelFile {
    private static final String FORMAT = "format";
    private static final String FORMAT_NAME = "lockstep-two-layer-net-1";
    private static final String ACTIVATION = "activation";
    private static final String LOSS = "loss";

    private ModelFile() {}

    /**
     * A model that was read.
     *
     * @param weights owned by whoever read them
     * @param texts where it comes from
     */
    public record Model(Parameters weights, Activation activation, Loss loss, Map<String, String> texts)
            implements AutoCloseable {
        @Override
        public void close() {
            weights.close();
        }
    }

    /** The four tensors, copied. */
    public static List<Tensor> tensors(Parameters weights) {
        List<Tensor> tensors = new ArrayList<>();
        for (ParameterTensor tensor : ParameterTensor.values()) {
            tensors.add(new Tensor(tensor.label(), tensor.dimensions(weights.shape()), weights.values(tensor)));
        }
        return tensors;
    }

    /**
     * Writes a safetensors file whole or not at all.
     *
     * @param provenance texts to keep with the tensors
     */
    public static void write(
            Configuration conf,
            String uri,
            boolean overwrite,
            Parameters weights,
            Activation activation,
            Loss loss,
            Map<String, String> provenance)
            throws IOException {
        Map<String, String> texts = new TreeMap<>(provenance);
        texts.put(FORMAT, FORMAT_NAME);
        texts.put(ACTIVATION, activation.name());
        texts.put(LOSS, loss.name());
        AtomicOutput.write(conf, uri, overwrite, out -> SafetensorsFile.write(out, tensors(weights), texts));
    }

    /**
     * Reads a model that {@link #write} wrote.
     *
     * @throws BadInputException if the file is missing, damaged or not such a model
     * @throws IOException if the filesystem fails
     */
    public static Model read(Configuration conf, String uri) throws IOException {
        Map<String, String> texts = new TreeMap<>();
        List<Tensor> tensors = readTensors(conf, uri, texts);
        requireText(uri, texts, FORMAT, FORMAT_NAME);
        Activation activation = constant(uri, texts, ACTIVATION, Activation.values());
        Loss loss = constant(uri, texts, LOSS, Loss.values());
        return new Model(parameters(uri, tensors), activation, loss, texts);
    }

    /**
     * Sets weights from a .safetensors, .npz or .onnx file that has at least the four tensors.
     *
     * @throws BadInputException if the file is missing or damaged, its shapes are not the network's, or a weight is not
     *     finite
     * @throws IOException if the filesystem fails
     */
    public static void readInto(Configuration conf, String uri, Parameters weights) throws IOException {
        List<Tensor> tensors = readTensors(conf, uri, new TreeMap<>());
        NetworkShape shape = weights.shape();
        for (ParameterTensor tensor : ParameterTensor.values()) {
            Tensor found = tensor(uri, tensors, tensor);
            if (!Arrays.equals(found.shape(), tensor.dimensions(shape))) {
                throw new BadInputException(uri + ": " + tensor.label() + ": expected shape "
                        + Arrays.toString(tensor.dimensions(shape)) + " for the network " + shape + ", found "
                        + Arrays.toString(found.shape()));
            }
            requireFinite(uri, found);
            weights.setValues(tensor, found.values());
        }
    }

    /** Training from such a weight would end at its first step. */
    private static void requireFinite(String uri, Tensor tensor) {
        float[] values = tensor.values();
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new BadInputException(uri + ": " + tensor.name() + ": expected finite weights, found " + values[i]
                        + " as value " + i + " of " + values.length);
            }
        }
    }

    private static Parameters parameters(String uri, List<Tensor> tensors) {
        Tensor w1 = tensor(uri, tensors, ParameterTensor.W1);
        Tensor w2 = tensor(uri, tensors, ParameterTensor.W2);
        if (w1.rank() != 2
                || w2.rank() != 2
                || w1.values().length == 0
                || w2.values().length == 0
                || w2.dimension(1) > 256) {
            throw new BadInputException(
                    uri + ": expected W1 [inputs, hidden] and W2 [hidden, outputs up to 256], found "
                            + Arrays.toString(w1.shape()) + " and " + Arrays.toString(w2.shape()));
        }
        NetworkShape shape = new NetworkShape(w1.dimension(0), w1.dimension(1), w2.dimension(1));
        for (ParameterTensor tensor : ParameterTensor.values()) {
            int[] found = tensor(uri, tensors, tensor).shape();
            if (!Arrays.equals(found, tensor.dimensions(shape))) {
                throw new BadInputException(uri + ": " + tensor.label() + ": expected shape "
                        + Arrays.toString(tensor.dimensions(shape)) + ", found " + Arrays.toString(found));
            }
        }
        Parameters weights = new Parameters(shape);
        for (ParameterTensor tensor : ParameterTensor.values()) {
            weights.setValues(tensor, tensor(uri, tensors, tensor).values());
        }
        return weights;
    }

    private static Tensor tensor(String uri, List<Tensor> tensors, ParameterTensor wanted) {
        Optional<Tensor> found = tensors.stream()
                .filter(tensor -> tensor.name().equals(wanted.label()))
                .findFirst();
        return found.orElseThrow(() -> new BadInputException(uri + ": expected the tensors W1, b1, W2, b2, found "
                + tensors.stream()
                        .map(tensor -> TensorFileFault.plain(tensor.name()))
                        .toList()));
    }

    private static List<Tensor> readTensors(Configuration conf, String uri, Map<String, String> texts)
            throws IOException {
        Place place = Place.of(conf, uri, uri + ": expected the name of a model file");
        FileSystem fs = place.fs();
        Path path = place.path();
        FileStatus status;
        try {
            status = fs.getFileStatus(path);
        } catch (FileNotFoundException e) {
            throw new BadInputException(
                    uri + ": expected a model file, as train leaves one in its --out, found nothing", e);
        }
        if (status.isDirectory()) {
            throw new BadInputException(uri + ": expected a model file, found a directory");
        }
        try (InputStream in = fs.open(path)) {
            if (path.getName().endsWith(".npz")) {
                return NpzFile.read(uri, in, status.getLen());
            }
            if (path.getName().endsWith(".onnx")) {
                return OnnxFile.read(uri, in, status.getLen());
            }
            SafetensorsFile.Contents contents = SafetensorsFile.read(uri, in, status.getLen());
            texts.putAll(contents.metadata());
            return contents.tensors();
        }
    }

    private static void requireText(String uri, Map<String, String> texts, String key, String expected) {
        if (!expected.equals(texts.get(key))) {
            throw new BadInputException(
                    uri + ": metadata " + key + ": expected " + expected + ", found " + found(texts, key));
        }
    }

    /** A stranger's text as a message may show it. */
    private static String found(Map<String, String> texts, String key) {
        return texts.containsKey(key) ? TensorFileFault.quoted(texts.get(key)) : "none";
    }

    private static <E extends Enum<E>> E constant(String uri, Map<String, String> texts, String key, E[] values) {
        for (E value : values) {
            if (value.name().equals(texts.get(key))) {
                return value;
            }
        }
        throw new BadInputException(uri + ": metadata " + key + ": expected one of " + Arrays.toString(values)
                + ", found " + found(texts, key));
    }
}
