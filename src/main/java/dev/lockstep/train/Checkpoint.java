package dev.lockstep.train;

import dev.lockstep.BadInputException;
import dev.lockstep.files.Tensor;
import dev.lockstep.files.TensorFileFault;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * All that a run needs to go on: named tensors (weights, and with a prefix velocity and best weights) and named texts
 * (step, configuration, data fingerprints, early stopping), with a SHA-256 over both. Immutable.
 *
 * @param tensors in file order
 * @param texts without the digest
 */
record Checkpoint(List<Tensor> tensors, Map<String, String> texts) {
    static final String STEP = "step";
    static final String CONFIG_PREFIX = "config.";
    static final String WEIGHTS = "";
    static final String VELOCITY = "velocity.";
    static final String BEST = "best.";
    private static final String DIGEST = "sha256";

    /** Tensors with these parameters, each name with the prefix. */
    static List<Tensor> tensorsOf(String prefix, Parameters parameters) {
        List<Tensor> tensors = new ArrayList<>();
        for (ParameterTensor tensor : ParameterTensor.values()) {
            int[] shape = tensor.dimensions(parameters.shape());
            tensors.add(new Tensor(prefix + tensor.label(), shape, parameters.values(tensor)));
        }
        return tensors;
    }

    /**
     * Sets parameters from the tensors whose names have the prefix.
     *
     * @throws BadInputException if one is missing or has another shape; nothing is set then
     */
    void restore(String prefix, Parameters parameters) {
        for (ParameterTensor tensor : ParameterTensor.values()) {
            String name = prefix + tensor.label();
            int[] expected = tensor.dimensions(parameters.shape());
            int[] found = tensor(name).shape();
            if (!Arrays.equals(found, expected)) {
                throw new BadInputException("checkpoint of step " + step() + ": expected tensor " + name + " of shape "
                        + Arrays.toString(expected) + ", found " + Arrays.toString(found));
            }
        }
        for (ParameterTensor tensor : ParameterTensor.values()) {
            parameters.setValues(tensor, tensor(prefix + tensor.label()).values());
        }
    }

    private Tensor tensor(String name) {
        return tensors.stream()
                .filter(tensor -> tensor.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new BadInputException(
                        "checkpoint of step " + step() + ": expected tensor " + name + ", found none"));
    }

    /** Steps done; at least one. */
    long step() {
        long step = count(STEP);
        if (step == 0) {
            throw bad(STEP, "a number from 1 to 2^63 - 1");
        }
        return step;
    }

    /** A text that is a number from 0 on. */
    long count(String key) {
        try {
            long count = Long.parseLong(text(key));
            if (count >= 0) {
                return count;
            }
        } catch (NumberFormatException e) {
            // The message below says all that this one does.
        }
        throw bad(key, "a number from 0 to 2^63 - 1");
    }

    /** A text that is a number with a fraction. */
    double real(String key) {
        try {
            return Double.parseDouble(text(key));
        } catch (NumberFormatException e) {
            throw bad(key, "a number");
        }
    }

    private BadInputException bad(String key, String expected) {
        return new BadInputException(
                "checkpoint: expected " + expected + " as " + key + ", found " + TensorFileFault.quoted(text(key)));
    }

    String text(String key) {
        String value = texts.get(key);
        if (value == null) {
            throw new BadInputException("checkpoint: expected the text " + key + ", found none");
        }
        return value;
    }

    /** The texts with the digest, as they go to the file. */
    Map<String, String> sealed() {
        Map<String, String> sealed = new TreeMap<>(texts);
        sealed.put(DIGEST, digest(tensors, texts));
        return sealed;
    }

    /**
     * From what a file holds.
     *
     * @throws BadInputException if the digest is not that of the contents, or there is no step
     */
    static Checkpoint unseal(String file, List<Tensor> tensors, Map<String, String> sealed) {
        Map<String, String> texts = new TreeMap<>(sealed);
        String expected = texts.remove(DIGEST);
        String found = digest(tensors, texts);
        if (!found.equals(expected)) {
            throw new BadInputException(file + ": expected SHA-256 " + TensorFileFault.plain(String.valueOf(expected))
                    + ", found " + found);
        }
        Checkpoint checkpoint = new Checkpoint(tensors, texts);
        checkpoint.step();
        return checkpoint;
    }

    private static String digest(List<Tensor> tensors, Map<String, String> texts) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        new TreeMap<>(texts).forEach((key, value) -> {
            update(digest, key);
            update(digest, value);
        });
        for (Tensor tensor : tensors) {
            update(digest, tensor.name());
            update(digest, Arrays.toString(tensor.shape()));
            ByteBuffer bytes =
                    ByteBuffer.allocate(tensor.values().length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(tensor.values());
            digest.update(bytes.array());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** With its length before it, so that no two lists of texts give the same bytes. */
    private static void update(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
        digest.update(bytes);
    }
}
