package dev.lockstep.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.lockstep.BadInputException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
    private static final long SEED = 20260101;

    @Provide
    Arbitrary<List<Tensor>> tensors() {
        return TensorArbitraries.tensors();
    }

    @Property(tries = 1000, seed = "20260101")
    void everyBitComesBack(@ForAll("tensors") List<Tensor> tensors, @ForAll @Size(max = 4) Map<String, String> anyText)
            throws IOException {
        Map<String, String> metadata = new HashMap<>();
        anyText.forEach((key, value) -> metadata.put(storable(key), storable(value)));
        byte[] bytes = write(tensors, metadata);
        SafetensorsFile.Contents contents = read(bytes);
        // Tensors of no values may share a place; their order among themselves is the header's.
        assertThat(contents.tensors()).containsExactlyInAnyOrderElementsOf(tensors);
        assertThat(contents.metadata()).isEqualTo(metadata);
        assertThat(headerLength(bytes) % SafetensorsLayout.DATA_ALIGNMENT).isZero();
        assertThat(write(tensors, new HashMap<>(metadata))).isEqualTo(bytes);
    }

    @Test
    void fileOfVersionOneStillLoadsAndIsStillWritten() throws IOException {
        byte[] golden = GoldenFiles.bytes("v1.safetensors");
        SafetensorsFile.Contents contents = read(golden);
        List<Tensor> expected = new ArrayList<>(GoldenFiles.network());
        expected.add(GoldenFiles.special());
        assertThat(contents.tensors()).isEqualTo(expected);
        Map<String, String> metadata =
                Map.of("format_version", "1", "note", "quote \" backslash \\ tab \t umlaut \u00fc");
        assertThat(contents.metadata()).isEqualTo(metadata);
        assertThat(write(expected, metadata)).isEqualTo(golden);
    }

    @Test
    void tensorsComeInTheOrderOfTheirValues() throws IOException {
        byte[] file = file(
                "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},"
                        + "\"a\":{\"data_offsets\":[0,4],\"shape\":[],\"dtype\":\"F32\"}}",
                8);
        assertThat(read(file).tensors()).extracting(Tensor::name).containsExactly("a", "b");
    }

    @Test
    void writerRefusesNamesThatCannotBeReadAgain() {
        Tensor tensor = new Tensor("a", new int[0], new float[1]);
        assertThatThrownBy(() -> write(List.of(tensor, tensor), Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Duplicate");
        assertThatThrownBy(() -> write(List.of(new Tensor("__metadata__", new int[0], new float[1])), Map.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> write(List.of(tensor), Map.of("key", "lone \ud800")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void truncatedAndOverLong() {
        byte[] good = GoldenFiles.bytes("v1.safetensors");
        long data = 8 + headerLength(good);
        assertRefused(
                new byte[0], "at byte 0: expected a header length of 8 bytes, found a file of 0 bytes (truncated)");
        assertRefused(
                Arrays.copyOf(good, 100),
                "at byte 0: expected a header length of at most 92 in a file of 100 bytes, found " + (data - 8));
        assertRefused(
                Arrays.copyOf(good, good.length - 1),
                "at byte " + (good.length - 1) + ": expected " + (good.length - data) + " bytes of data from byte "
                        + data + " on, found " + (good.length - data - 1) + " (truncated)");
        assertRefused(
                Arrays.copyOf(good, good.length + 3),
                "at byte " + good.length + ": expected " + (good.length - data) + " bytes of data from byte " + data
                        + " on, found " + (good.length - data + 3) + " (over-long)");
    }

    @Test
    void streamThatDoesNotFitTheLengthOfTheFile() {
        byte[] good = GoldenFiles.bytes("v1.safetensors");
        assertThatThrownBy(() ->
                        SafetensorsFile.read("m", new ByteArrayInputStream(good, 0, good.length - 2), good.length))
                .isInstanceOf(BadInputException.class)
                .hasMessage("m at byte " + (good.length - 2) + ": expected 2 more bytes of values, found the end");
        assertThatThrownBy(() -> SafetensorsFile.read("m", new ByteArrayInputStream(good, 0, 50), good.length))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("m at byte 50: expected")
                .hasMessageEndingWith("more bytes of the header, found the end of the file (truncated)");
        byte[] longer = Arrays.copyOf(good, good.length + 1);
        assertThatThrownBy(() -> SafetensorsFile.read("m", new ByteArrayInputStream(longer), good.length))
                .isInstanceOf(BadInputException.class)
                .hasMessage("m at byte " + good.length
                        + ": expected the end of the file, found more bytes than its length says");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "                 | at byte 8: expected the header's opening brace, found nothing",
                "[]               | at byte 8: expected the header's opening brace, found \"[\"",
                "{                | at byte 9: expected a JSON header of tensors, found Unexpected end-of-input",
                "{}x              | at byte 11: expected a JSON header of tensors, found Unrecognized token 'x'",
                "{} {}            | at byte 11: expected only spaces after the header's closing brace, found \"{\"",
                "{'a':1}          | at byte 9: expected a JSON header of tensors, found Unexpected character",
                "{\"a\":1}        | at byte 13: expected an object that describes tensor \"a\", found \"1\"",
                "{\"a\":{}}       | at byte 9: expected dtype, shape and data_offsets of tensor \"a\", found no dtype",
                "{\"\":{}}        | at byte 9: expected a tensor name, found \"\"",
                "{\"\\ud800\":{}} | at byte 9: expected a tensor name, found \"\\ud800\"",
                "{\"__metadata__\":[]}        | at byte 24: expected an object of texts as __metadata__, found \"[\"",
                "{\"__metadata__\":{\"k\":1}} | at byte 29: expected a text as metadata \"k\", found \"1\"",
                "{\"__metadata__\":{\"k\":\"\\udfff\"}} | at byte 29: expected metadata \"k\" without lone surrogates, found \"\\udfff\"",
                "{\"a\":{\"x\":1}}            | of tensor \"a\", found key \"x\"",
                "{\"a\":{\"dtype\":\"F64\"}}  | expected dtype F32 of tensor \"a\" (convert the others to it), found \"F64\"",
                "{\"a\":{\"dtype\":32}}        | at byte 22: expected a text as dtype of tensor \"a\", found \"32\"",
                "{\"a\":{\"shape\":3}}         | at byte 22: expected a list as shape of tensor \"a\", found \"3\"",
                "{\"a\":{\"shape\":[-1]}}      | the size of an axis of tensor \"a\" from 0 to 2147483647, found \"-1\"",
                "{\"a\":{\"shape\":[2147483648]}}           | from 0 to 2147483647, found \"2147483648\"",
                "{\"a\":{\"shape\":[99999999999999999999]}} | the size of an axis of tensor \"a\", found \"9999999",
                "{\"a\":{\"shape\":[1.0]}}     | expected the size of an axis of tensor \"a\", found \"1.0\"",
                "{\"a\":{\"shape\":[[1]]}}     | found Document nesting depth (4) exceeds the maximum allowed (3",
                "{\"a\":{\"data_offsets\":[1]}}       | expected two data_offsets of tensor \"a\"",
                "{\"a\":{\"data_offsets\":[1,2,3]}}   | expected two data_offsets of tensor \"a\"",
                "{\"a\":{\"data_offsets\":[8,4]}}     | two data_offsets of tensor \"a\", the second not before the first",
                "{\"a\":{\"shape\":[1],\"shape\":[1]}} | found Duplicate field 'shape'",
            })
    void damagedHeader(String header, String message) {
        assertRefused(file(header == null ? "" : header, 0), message);
    }

    @Test
    void tensorsMustFillTheData() {
        assertRefused(file(header("a", "[2]", 0, 8) + "," + header("a", "[2]", 8, 16), 16), "Duplicate field 'a'");
        assertRefused(
                file(header("a", "[2]", 0, 8) + "," + header("b", "[2]", 4, 12), 12),
                "expected the values of tensor \"b\" to begin at byte 8 of the data, found an overlap, byte 4");
        assertRefused(
                file(header("a", "[2]", 0, 8) + "," + header("b", "[2]", 12, 20), 20),
                "expected the values of tensor \"b\" to begin at byte 8 of the data, found a hole, byte 12");
        assertRefused(
                file(header("a", "[3]", 0, 8), 8),
                "at byte 9: expected 12 bytes for shape [3] of tensor \"a\", found data_offsets [0, 8]");
        // The products of these pass 2^31, 2^32 and 2^64: the last two would be small numbers if they wrapped.
        for (String shape :
                List.of("[65536,32768]", "[65536,65537]", "[2147483647,2147483647,2147483647,2147483647]")) {
            assertRefused(file(header("a", shape, 0, 8), 8), "expected a shape of at most 2147483639 values");
        }
        String deep = "[" + "1,".repeat(64) + "1]";
        assertRefused(file(header("a", deep, 0, 4), 4), "expected at most 64 axes of tensor \"a\", found \"1\"");
    }

    @Test
    void offsetsCountBytesNotCharacters() {
        assertRefused(file("{\"\u00fc\u20ac\":[]}", 0), "at byte 17: expected an object that describes tensor");
    }

    @Test
    void headerMustBeUtf8() {
        byte[] file = file(header("a", "[2]", 0, 8), 8);
        file[10] = (byte) 0xc3;
        assertRefused(file, "at byte 10: expected a header in UTF-8, found a malformed byte");
    }

    @Test
    void claimsOfGigabytesCostNothing() {
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
            byte[] file = new byte[100];
            for (long claim : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 33, 1 << 30, 93}) {
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(claim);
                assertRefused(
                        file,
                        "at byte 0: expected a header length of at most 92 in a file of 100 bytes, found "
                                + Long.toUnsignedString(claim));
            }
            // Where the length of the file is a lie as well, memory follows the bytes that come.
            ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(SafetensorsLayout.MAX_HEADER_BYTES);
            assertThatThrownBy(() -> SafetensorsFile.read("m", new ByteArrayInputStream(file), Long.MAX_VALUE))
                    .hasMessageContaining("more bytes of the header");
            assertRefused(file(header("a", "[500000000]", 0, 2_000_000_000L), 8), "found 8 (truncated)");
        });
    }

    @Test
    void headerOfManyTensorsIsReadInOneGo() {
        StringBuilder tensors = new StringBuilder(header("t", "[0]", 0, 0));
        for (int i = 0; i < 100_000; i++) {
            tensors.append(',').append(header("t" + i, "[0]", 0, 0));
        }
        byte[] file = file(tensors.toString(), 0);
        assertTimeoutPreemptively(
                Duration.ofSeconds(20), () -> assertThat(read(file).tensors()).hasSize(100_001));
    }

    @Test
    void damageIsRefusedOrReadAndNothingElse() {
        byte[] good = GoldenFiles.bytes("v1.safetensors");
        int refused = Damage.refusals(
                SEED,
                20_000,
                good,
                bytes -> SafetensorsFile.read("damaged", new ByteArrayInputStream(bytes), bytes.length));
        // Damage to values or metadata reads well; the rest must not.
        assertThat(refused).as("seed %d", SEED).isBetween(8_000, 19_900);
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] good = GoldenFiles.bytes("v1.safetensors");
        for (int length = 0; length < good.length; length++) {
            byte[] cut = Arrays.copyOf(good, length);
            assertThatThrownBy(() -> read(cut)).as("cut to %d", length).isInstanceOf(BadInputException.class);
        }
    }

    private static String storable(String text) {
        return new String(text.getBytes(UTF_8), UTF_8);
    }

    private static String header(String name, String shape, long begin, long end) {
        return "\"" + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + "," + end
                + "]}";
    }

    /** A file of this header, braces added around a list of tensors, and so many bytes of data. */
    private static byte[] file(String header, int dataBytes) {
        byte[] json = (header.startsWith("\"") ? "{" + header + "}" : header).getBytes(UTF_8);
        return ByteBuffer.allocate(8 + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    private static long headerLength(byte[] file) {
        return ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static byte[] write(List<Tensor> tensors, Map<String, String> metadata) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafetensorsFile.write(out, tensors, metadata);
        return out.toByteArray();
    }

    private static SafetensorsFile.Contents read(byte[] bytes) throws IOException {
        return SafetensorsFile.read("model.safetensors", new ByteArrayInputStream(bytes), bytes.length);
    }

    private static void assertRefused(byte[] bytes, String message) {
        assertThatThrownBy(() -> read(bytes))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("model.safetensors at byte ")
                .hasMessageContaining(message);
    }
}
