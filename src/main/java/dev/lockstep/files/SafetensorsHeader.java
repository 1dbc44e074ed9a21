package dev.lockstep.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteFeature;
import dev.lockstep.BadInputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The JSON of a safetensors file, token by token: no tree is built of what a stranger wrote, and nothing is taken for
 * true before it was compared with the length of the file.
 */
final class SafetensorsHeader {
    /**
     * One tensor of the header.
     *
     * @param shape sizes of the axes
     * @param elements their product
     * @param beginBytes first byte of its values, from the start of the data
     * @param endBytes the byte after its last
     * @param position where the header speaks of it, in characters; turned into bytes only for a message
     */
    record Entry(String name, int[] shape, int elements, long beginBytes, long endBytes, long position) {}

    private final String file;
    private final String json;
    private final long dataLengthBytes;
    private final List<Entry> entries = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafetensorsHeader(String file, String json, long dataLengthBytes) {
        this.file = file;
        this.json = json;
        this.dataLengthBytes = dataLengthBytes;
    }

    /**
     * Reads and checks a header.
     *
     * @param file for messages
     * @param header the bytes between the length and the data
     * @param dataLengthBytes what the file really has after the header
     * @throws BadInputException if the header is damaged, or its tensors do not fill the data exactly
     */
    static SafetensorsHeader parse(String file, byte[] header, long dataLengthBytes) {
        SafetensorsHeader parsed = new SafetensorsHeader(file, decode(file, header), dataLengthBytes);
        JsonFactory factory = JsonFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                // Names from a stranger do not belong into the JVM's table of strings, nor into a table to be flooded.
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(SafetensorsLayout.MAX_NESTING)
                        .build())
                .build();
        try (JsonParser parser = factory.createParser(parsed.json)) {
            parsed.readObject(parser);
        } catch (JsonProcessingException e) {
            long position = e.getLocation() == null ? 0 : e.getLocation().getCharOffset();
            String problem = TensorFileFault.plain(e.getOriginalMessage());
            throw parsed.fault(position, "a JSON header of tensors", problem);
        } catch (IOException e) {
            throw new IllegalStateException("a parser of text in memory failed to read", e);
        }
        parsed.checkData();
        return parsed;
    }

    /** The tensors in the order of their values in the file. */
    List<Entry> entries() {
        return entries;
    }

    /** The free text, in the order of the file; unmodifiable. */
    Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    /**
     * The header for these tensors, padded. Metadata are sorted by key, so that equal maps give equal bytes.
     *
     * @throws IllegalArgumentException if two tensors have one name, or one has the name of the metadata
     */
    static byte[] encode(List<Tensor> tensors, Map<String, String> metadata) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        JsonFactory factory = JsonFactory.builder()
                .enable(StreamWriteFeature.STRICT_DUPLICATE_DETECTION)
                .build();
        try (JsonGenerator json = factory.createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(SafetensorsLayout.METADATA);
                for (Map.Entry<String, String> entry : new TreeMap<>(metadata).entrySet()) {
                    if (!Tensor.isStorableText(entry.getKey() + "," + entry.getValue())) {
                        throw new IllegalArgumentException(
                                "metadata " + TensorFileFault.quoted(entry.getKey()) + " cannot be stored as UTF-8");
                    }
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long offset = 0;
            for (Tensor tensor : tensors) {
                long end = offset + (long) tensor.values().length * Float.BYTES;
                writeTensor(json, tensor, offset, end);
                offset = end;
            }
            json.writeEndObject();
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no header for these tensors: " + e.getOriginalMessage(), e);
        }
        while ((SafetensorsLayout.HEADER_OFFSET + bytes.size()) % SafetensorsLayout.DATA_ALIGNMENT != 0) {
            bytes.write(SafetensorsLayout.PADDING);
        }
        if (bytes.size() > SafetensorsLayout.MAX_HEADER_BYTES) {
            throw new IllegalArgumentException("a header of " + bytes.size() + " bytes could not be read again, limit "
                    + SafetensorsLayout.MAX_HEADER_BYTES);
        }
        return bytes.toByteArray();
    }

    private static void writeTensor(JsonGenerator json, Tensor tensor, long begin, long end) throws IOException {
        if (tensor.name().equals(SafetensorsLayout.METADATA)) {
            throw new IllegalArgumentException("a tensor cannot have the name " + SafetensorsLayout.METADATA);
        }
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField(SafetensorsLayout.DTYPE, SafetensorsLayout.FLOAT32);
        json.writeFieldName(SafetensorsLayout.SHAPE);
        int[] shape = tensor.shape();
        json.writeArray(shape, 0, shape.length);
        json.writeFieldName(SafetensorsLayout.DATA_OFFSETS);
        json.writeArray(new long[] {begin, end}, 0, 2);
        json.writeEndObject();
    }

    /** Strict UTF-8, which Jackson would not tell from UTF-16 or 32 by itself. */
    private static String decode(String file, byte[] header) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(header);
        CharBuffer out = CharBuffer.allocate(header.length);
        CoderResult result = decoder.decode(in, out, true);
        if (result.isError()) {
            throw TensorFileFault.at(
                    file, SafetensorsLayout.HEADER_OFFSET + in.position(), "a header in UTF-8", "a malformed byte");
        }
        return out.flip().toString();
    }

    private void readObject(JsonParser parser) throws IOException {
        if (!json.startsWith("{")) {
            throw fault(0, "the header's opening brace", found(json.isEmpty() ? "" : json.substring(0, 1)));
        }
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            long position = parser.currentTokenLocation().getCharOffset();
            if (key.equals(SafetensorsLayout.METADATA)) {
                readMetadata(parser);
            } else {
                readTensor(parser, key, position);
            }
        }
        if (parser.nextToken() != null) {
            throw faultHere(parser, "only spaces after the header's closing brace");
        }
    }

    private void readMetadata(JsonParser parser) throws IOException {
        expect(parser, JsonToken.START_OBJECT, "an object of texts as " + SafetensorsLayout.METADATA);
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            expect(parser, JsonToken.VALUE_STRING, "a text as metadata " + TensorFileFault.quoted(key));
            if (!Tensor.isStorableText(key + "," + parser.getText())) {
                throw faultHere(parser, "metadata " + TensorFileFault.quoted(key) + " without lone surrogates");
            }
            metadata.put(key, parser.getText());
        }
    }

    private void readTensor(JsonParser parser, String name, long position) throws IOException {
        if (!Tensor.isStorableName(name)) {
            throw fault(position, "a tensor name", TensorFileFault.quoted(name));
        }
        String who = "tensor " + TensorFileFault.quoted(name);
        String dtype = null;
        int[] shape = null;
        long[] offsets = null;
        expect(parser, JsonToken.START_OBJECT, "an object that describes " + who);
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            switch (key) {
                case SafetensorsLayout.DTYPE -> dtype = readDtype(parser, who);
                case SafetensorsLayout.SHAPE -> shape = readShape(parser, who);
                case SafetensorsLayout.DATA_OFFSETS -> offsets = readOffsets(parser, who);
                default ->
                    throw fault(
                            position, "dtype, shape and data_offsets of " + who, "key " + TensorFileFault.quoted(key));
            }
        }
        if (dtype == null || shape == null || offsets == null) {
            String missing = dtype == null
                    ? SafetensorsLayout.DTYPE
                    : shape == null ? SafetensorsLayout.SHAPE : SafetensorsLayout.DATA_OFFSETS;
            throw fault(position, "dtype, shape and data_offsets of " + who, "no " + missing);
        }
        long elements = Tensor.elementCount(shape);
        if (elements < 0) {
            throw fault(
                    position,
                    "a shape of at most " + Tensor.MAX_ELEMENTS + " values for " + who,
                    Arrays.toString(shape));
        }
        if (offsets[1] - offsets[0] != elements * Float.BYTES) {
            throw fault(
                    position,
                    elements * Float.BYTES + " bytes for shape " + Arrays.toString(shape) + " of " + who,
                    "data_offsets " + Arrays.toString(offsets));
        }
        entries.add(new Entry(name, shape, (int) elements, offsets[0], offsets[1], position));
    }

    private String readDtype(JsonParser parser, String who) throws IOException {
        expect(parser, JsonToken.VALUE_STRING, "a text as dtype of " + who);
        if (!parser.getText().equals(SafetensorsLayout.FLOAT32)) {
            throw faultHere(parser, "dtype F32 of " + who + " (convert the others to it)");
        }
        return SafetensorsLayout.FLOAT32;
    }

    private int[] readShape(JsonParser parser, String who) throws IOException {
        expect(parser, JsonToken.START_ARRAY, "a list as shape of " + who);
        int[] shape = new int[Tensor.MAX_AXES];
        int axes = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (axes == Tensor.MAX_AXES) {
                throw faultHere(parser, "at most " + Tensor.MAX_AXES + " axes of " + who);
            }
            shape[axes++] = (int) number(parser, Integer.MAX_VALUE, "the size of an axis of " + who);
        }
        return Arrays.copyOf(shape, axes);
    }

    private long[] readOffsets(JsonParser parser, String who) throws IOException {
        String expected = "two data_offsets of " + who + ", the second not before the first";
        expect(parser, JsonToken.START_ARRAY, expected);
        parser.nextToken();
        long begin = number(parser, Long.MAX_VALUE, expected);
        parser.nextToken();
        long end = number(parser, Long.MAX_VALUE, expected);
        if (end < begin) {
            throw faultHere(parser, expected);
        }
        expect(parser, JsonToken.END_ARRAY, expected);
        return new long[] {begin, end};
    }

    private long number(JsonParser parser, long limit, String expected) throws IOException {
        if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
                || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
            throw faultHere(parser, expected);
        }
        long value = parser.getLongValue();
        if (value < 0 || value > limit) {
            throw faultHere(parser, expected + " from 0 to " + limit);
        }
        return value;
    }

    private void expect(JsonParser parser, JsonToken token, String expected) throws IOException {
        if (parser.nextToken() != token) {
            throw faultHere(parser, expected);
        }
    }

    /** The tensors, sorted by place, must fill the data from the first byte to the last. */
    private void checkData() {
        entries.sort(Comparator.comparingLong(Entry::beginBytes).thenComparingLong(Entry::endBytes));
        long next = 0;
        for (Entry entry : entries) {
            if (entry.beginBytes() != next) {
                throw fault(
                        entry.position(),
                        "the values of tensor " + TensorFileFault.quoted(entry.name()) + " to begin at byte " + next
                                + " of the data",
                        (entry.beginBytes() < next ? "an overlap" : "a hole") + ", byte " + entry.beginBytes());
            }
            next = entry.endBytes();
        }
        if (next != dataLengthBytes) {
            long dataOffset = fileOffset(json.length());
            throw TensorFileFault.at(
                    file,
                    dataOffset + Math.min(next, dataLengthBytes),
                    next + " bytes of data from byte " + dataOffset + " on",
                    dataLengthBytes + (dataLengthBytes < next ? " (truncated)" : " (over-long)"));
        }
    }

    private BadInputException faultHere(JsonParser parser, String expected) throws IOException {
        String text = parser.currentToken() == null ? "" : parser.getText();
        return fault(parser.currentTokenLocation().getCharOffset(), expected, found(text));
    }

    private static String found(String text) {
        return text.isEmpty() ? "nothing" : TensorFileFault.quoted(text);
    }

    private BadInputException fault(long charPosition, String expected, String found) {
        return TensorFileFault.at(file, fileOffset(charPosition), expected, found);
    }

    /** Where a character of the header stands in the file: characters and bytes differ where a name is not ASCII. */
    private long fileOffset(long charPosition) {
        int chars = (int) Math.max(0, Math.min(charPosition, json.length()));
        return SafetensorsLayout.HEADER_OFFSET + json.substring(0, chars).getBytes(StandardCharsets.UTF_8).length;
    }
}
