package dev.lockstep.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.fuzz.Mutation;
import dev.lockstep.fuzz.Verdict;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/** Files of tensors from strangers. {@code -Dfuzz.tries=N} tries N of each kind, by default 1000. */
class TensorFileFuzzProperties {
    @Provide
    Arbitrary<List<Mutation>> mutations() {
        return Mutation.several();
    }

    private static byte[] resource(String name) {
        try (InputStream in = TensorFileFuzzProperties.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static boolean safetensors(byte[] bytes) throws Exception {
        return Verdict.of(
                bytes.length, () -> SafetensorsFile.read("file", new ByteArrayInputStream(bytes), bytes.length));
    }

    private static boolean npz(byte[] bytes) throws Exception {
        return Verdict.of(bytes.length, () -> NpzFile.read("file", new ByteArrayInputStream(bytes), bytes.length));
    }

    @Property(seed = "271828", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void safetensorsAreReadOrRefused(@ForAll("mutations") List<Mutation> mutations) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafetensorsFile.write(out, GoldenFiles.network(), Map.of("format", "x", "a\"b", "c\u00e4"));
        assertThat(safetensors(out.toByteArray())).isTrue();
        safetensors(Mutation.apply(mutations, out.toByteArray()));
        safetensors(Mutation.apply(mutations, resource("v1.safetensors")));
    }

    @Property(seed = "271829", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void npzIsReadOrRefused(@ForAll("mutations") List<Mutation> mutations) throws Exception {
        for (String name :
                new String[] {"f4.npz", "f4_deflated.npz", "f8_fortran.npz", "v2_streamed.npz", "shapes.npz"}) {
            byte[] bytes = resource(name);
            assertThat(npz(bytes)).as(name).isTrue();
            npz(Mutation.apply(mutations, bytes));
        }
    }

    private static boolean onnx(byte[] bytes) throws Exception {
        return Verdict.of(bytes.length, () -> OnnxFile.read("file", new ByteArrayInputStream(bytes), bytes.length));
    }

    private static byte[] onnx() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        OnnxGraph.Value value = new OnnxGraph.Value("x", OnnxGraph.Element.INT64, List.of(3), "a value");
        OnnxGraph.Node node = new OnnxGraph.Node("Add", List.of("x", "W1"), "y", Map.of("axis", 1));
        OnnxGraph graph = new OnnxGraph("g", "d", List.of(value), List.of(node), GoldenFiles.network(), List.of(value));
        OnnxFile.write(out, graph, Map.entry("p", "1"), Map.of("a", "b"));
        return out.toByteArray();
    }

    @Property(seed = "271830", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void onnxIsReadOrRefused(@ForAll("mutations") List<Mutation> mutations) throws Exception {
        assertThat(onnx(onnx())).isTrue();
        onnx(Mutation.apply(mutations, onnx()));
    }

    /**
     * A stream of deflated bytes need not tell its length, and an array that claims 60 MB in a file of 200 bytes took
     * them before the first value was read.
     */
    @Example
    void aClaimOfManyValuesTakesNoMemory() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (java.util.zip.ZipOutputStream zip = new java.util.zip.ZipOutputStream(bytes)) {
            zip.putNextEntry(new java.util.zip.ZipEntry("W1.npy"));
            zip.write(NpyLayout.magic());
            byte[] dict = NpyHeader.encode(new int[] {15_000_000});
            zip.write(new byte[] {1, 0, (byte) dict.length, (byte) (dict.length >> 8)});
            zip.write(dict);
            zip.write(new byte[40]);
        }
        assertThat(npz(bytes.toByteArray())).isFalse();
    }
}
