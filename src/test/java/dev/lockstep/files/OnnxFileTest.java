package dev.lockstep.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OnnxFileTest {
    /** A tensor w of shape [2, 1] with the values 1 and 2, field by field. */
    private static final String TENSOR = "08020801" + "1001" + "420177" + "4a08" + "0000803f" + "00000040";

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    private static List<Tensor> read(byte[] bytes) throws IOException {
        return OnnxFile.read("model.onnx", new ByteArrayInputStream(bytes), bytes.length);
    }

    /** A model whose graph has this tensor alone. */
    private static String model(String tensor) {
        int bytes = tensor.length() / 2;
        return String.format("3a%02x2a%02x", bytes + 2, bytes) + tensor;
    }

    @Test
    void theBytesAreThoseOfOnnx() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Tensor w = new Tensor("w", new int[] {2, 1}, new float[] {1, 2});
        OnnxGraph.Value x = new OnnxGraph.Value("x", OnnxGraph.Element.FLOAT32, List.of(300), "");
        OnnxGraph.Node node = new OnnxGraph.Node("Op", List.of("x", "w"), "y", Map.of("k", 5));
        OnnxGraph graph = new OnnxGraph("g", "d", List.of(x), List.of(node), List.of(w), List.of());
        OnnxFile.write(out, graph, Map.entry("p", "v"), Map.of("a", "b"));
        String nodeBytes =
                "0a0178" + "0a0177" + "120179" + "1a0179" + "22024f70" + "2a08" + "0a016b" + "1805" + "a00102";
        // name x, type: tensor of float32 [batch, 300]
        String value =
                "0a0178" + "1214" + "0a12" + "0801" + "120e" + "0a07" + "12056261746368" + "0a03" + "08ac02" + "1a00";
        String content = "0a" + length(nodeBytes) + nodeBytes + "120167" + "2a" + length(TENSOR) + TENSOR + "5a"
                + length(value) + value;
        assertThat(HexFormat.of().formatHex(out.toByteArray()))
                .isEqualTo("0808" + "120170" + "1a0176" + "320164" + "3a" + length(content) + content + "42021011"
                        + "7206" + "0a0161" + "120162");
        assertThat(read(out.toByteArray())).containsExactly(w);
    }

    private static String length(String digits) {
        return String.format("%02x", digits.length() / 2);
    }

    @Test
    void takesDimensionsThatStandTogetherAndPassesOverTheRest() throws IOException {
        String packed = "0a020201" + "1001" + "420177" + "4a08" + "0000803f" + "00000040";
        Tensor w = new Tensor("w", new int[] {2, 1}, new float[] {1, 2});
        assertThat(read(hex(model(packed)))).containsExactly(w);
        // Fields of every wire type before, and a tensor of int64.
        String ofLongs = "0801" + "1007" + "420169" + "4a08" + "0100000000000000";
        assertThat(read(hex("f80101" + "f90101020304050607 08" + "fd0101020304" + "fa0103010203" + model(ofLongs)
                        + model(TENSOR))))
                .containsExactly(w);
    }

    @ParameterizedTest
    @CsvSource({
        "nothing, '', byte 0, a graph",
        "no graph, 0808, byte 2, a graph",
        "length beyond the file, 3a05, byte 1, at most 0 bytes",
        "length of 2^63, 3affffffffffffffffff01, byte 1, at most",
        "number of eleven bytes, 08ffffffffffffffffffffff01, byte 1, whole number",
        "group, 0b, byte 0, wire type",
        "field 0, 00, byte 0, number of a field",
        "twice, TWICE, byte, each tensor once",
        "no values, 3a07 2a05 1001 420177, byte, raw data",
        "half a value, 3a0c 2a0a 1001 420177 4a03 010203, byte 11, multiple of 4",
        "another shape, 3a0f 2a0d 0802 1001 420177 4a04 0000803f, byte, values for shape [2]",
        "negative size, 3a0d 2a0b 08ffffffffffffffffff01, byte, from 0 to"
    })
    void whatIsDamagedIsRefusedWithItsPlace(String what, String digits, String place, String expected) {
        byte[] bytes = hex(digits.equals("TWICE") ? model(TENSOR) + model(TENSOR) : digits);
        assertThatExceptionOfType(BadInputException.class)
                .as(what)
                .isThrownBy(() -> read(bytes))
                .withMessageContainingAll("model.onnx at ", place, expected, "found")
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @Test
    void everyCutIsRefused() {
        byte[] whole = hex(model(TENSOR));
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatExceptionOfType(BadInputException.class)
                    .as("%d bytes", length)
                    .isThrownBy(() -> read(cut));
        }
        // The file system says that there is more than comes.
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> OnnxFile.read("f", new ByteArrayInputStream(whole, 0, 20), whole.length));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> OnnxFile.read("f", new ByteArrayInputStream(Arrays.copyOf(whole, 40)), whole.length))
                .withMessageContaining("more bytes than its length says");
    }
}
