package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** A safetensors file taken apart by the letter of its format, with nothing of the program's own reader. */
final class SafetensorsBytes {
    private final JsonNode header;
    private final byte[] data;

    SafetensorsBytes(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int length = Math.toIntExact(
                ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
        header = new ObjectMapper().readTree(new String(bytes, 8, length, StandardCharsets.UTF_8));
        data = Arrays.copyOfRange(bytes, 8 + length, bytes.length);
    }

    /** The SHA-256 of the four tensors' bytes, which must be little-endian float32 of the shapes of this network. */
    String weightsSha256(int inputs, int hidden, int outputs) throws NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(tensor("W1", inputs, hidden));
        digest.update(tensor("b1", hidden));
        digest.update(tensor("W2", hidden, outputs));
        digest.update(tensor("b2", outputs));
        return HexFormat.of().formatHex(digest.digest());
    }

    /** The stored bytes of a float32 tensor that must have this shape. */
    byte[] tensor(String name, int... shape) {
        JsonNode tensor = header.path(name);
        assertThat(tensor.path("dtype").asText()).as("type of %s", name).isEqualTo("F32");
        int bytes = Float.BYTES;
        assertThat(tensor.path("shape")).as("shape of %s", name).hasSize(shape.length);
        for (int i = 0; i < shape.length; i++) {
            assertThat(tensor.path("shape").path(i).asInt())
                    .as("shape of %s", name)
                    .isEqualTo(shape[i]);
            bytes *= shape[i];
        }
        int from = tensor.path("data_offsets").path(0).asInt();
        int to = tensor.path("data_offsets").path(1).asInt();
        assertThat(to - from).as("bytes of %s", name).isEqualTo(bytes);
        return Arrays.copyOfRange(data, from, to);
    }

    /** A text of the metadata. */
    String text(String key) {
        return header.path("__metadata__").path(key).asText();
    }
}
