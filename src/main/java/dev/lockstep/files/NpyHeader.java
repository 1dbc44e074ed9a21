package dev.lockstep.files;

import dev.lockstep.BadInputException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The dict of a .npy array. It is Python's text, so NumPy evaluates it; here a parser reads the three keys in their
 * plainest form, and nothing else passes.
 *
 * @param itemBytes 4 or 8: float32 or float64
 * @param order of the bytes of a value
 * @param fortranOrder whether the first axis runs fastest
 * @param shape sizes of the axes
 * @param elements their product
 */
record NpyHeader(int itemBytes, ByteOrder order, boolean fortranOrder, int[] shape, int elements) {
    /** The dict of a float32 tensor, with padding and newline, exactly as NumPy writes it after a version 1.0 start. */
    static byte[] encode(int[] shape) {
        String axes = Arrays.stream(shape).mapToObj(Integer::toString).collect(Collectors.joining(", "));
        StringBuilder dict = new StringBuilder("{'descr': '<f4', 'fortran_order': False, 'shape': (")
                .append(axes)
                .append(shape.length == 1 ? ",), }" : "), }");
        if (shape.length > 0) {
            dict.append(" "
                    .repeat(NpyLayout.GROWTH_DIGITS - Integer.toString(shape[0]).length()));
        }
        int before = NpyLayout.HEADER_LENGTH_OFFSET + Short.BYTES;
        // Like NumPy: from 1 to 64 bytes to the next multiple, newline not counted; a full 64 where it fits already.
        int withNewline = before + dict.length() + 1;
        dict.append(" ".repeat(NpyLayout.ALIGNMENT - withNewline % NpyLayout.ALIGNMENT))
                .append('\n');
        return dict.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * Reads a dict.
     *
     * @param file archive and entry, for messages
     * @param offsetBytes where the dict starts in the entry, for messages
     * @throws BadInputException if it is not the dict of an array of float32 or float64 that a Java array can hold
     */
    static NpyHeader parse(String file, int offsetBytes, byte[] dict) {
        return new Parser(file, offsetBytes, new String(dict, StandardCharsets.ISO_8859_1)).dict();
    }

    /** One pass over the text; {@code position} only moves forward. */
    private static final class Parser {
        private final String file;
        private final int offsetBytes;
        private final String text;
        private int position;
        private String descr;
        private Boolean fortranOrder;
        private int[] shape;

        Parser(String file, int offsetBytes, String text) {
            this.file = file;
            this.offsetBytes = offsetBytes;
            this.text = text;
        }

        NpyHeader dict() {
            require('{', "the dict's opening brace");
            while (!accept('}')) {
                entry();
                if (!accept(',')) {
                    require('}', "a comma or the dict's closing brace");
                    break;
                }
            }
            skipSpaces();
            if (position < text.length() && text.charAt(position) == '\n') {
                position++;
            }
            if (position != text.length()) {
                throw fault("only spaces and a newline after the dict");
            }
            if (descr == null || fortranOrder == null || shape == null) {
                throw TensorFileFault.at(
                        file,
                        offsetBytes,
                        "descr, fortran_order and shape",
                        "no " + (descr == null ? "descr" : fortranOrder == null ? "fortran_order" : "shape"));
            }
            long elements = Tensor.elementCount(shape);
            if (elements < 0) {
                String found = Arrays.toString(shape);
                throw TensorFileFault.at(
                        file, offsetBytes, "a shape of at most " + Tensor.MAX_ELEMENTS + " values", found);
            }
            ByteOrder order = descr.charAt(0) == '<' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
            return new NpyHeader(descr.charAt(2) - '0', order, fortranOrder, shape, (int) elements);
        }

        private void entry() {
            skipSpaces();
            int start = position;
            String key = string("a key");
            require(':', "a colon");
            boolean fresh;
            switch (key) {
                case "descr" -> {
                    fresh = descr == null;
                    descr = descr();
                }
                case "fortran_order" -> {
                    fresh = fortranOrder == null;
                    fortranOrder = bool();
                }
                case "shape" -> {
                    fresh = shape == null;
                    shape = tuple();
                }
                default -> fresh = false;
            }
            if (!fresh) {
                position = start;
                throw fault("descr, fortran_order and shape, each once");
            }
        }

        private String descr() {
            String expected = "descr '<f4', '<f8', '>f4' or '>f8'";
            skipSpaces();
            int start = position;
            String value = string(expected);
            if (!value.matches("[<>]f[48]")) {
                position = start;
                throw fault(expected);
            }
            return value;
        }

        private boolean bool() {
            skipSpaces();
            for (String word : new String[] {"True", "False"}) {
                if (text.startsWith(word, position)) {
                    position += word.length();
                    return word.equals("True");
                }
            }
            throw fault("True or False");
        }

        private int[] tuple() {
            require('(', "a tuple of sizes");
            int[] sizes = new int[Tensor.MAX_AXES];
            int axes = 0;
            boolean comma = false;
            while (!accept(')')) {
                if (axes > 0 && !comma) {
                    throw fault("a comma between two sizes");
                }
                if (axes == Tensor.MAX_AXES) {
                    throw fault("at most " + Tensor.MAX_AXES + " axes");
                }
                sizes[axes++] = size();
                comma = accept(',');
            }
            if (axes == 1 && !comma) {
                // To Python, (5) is a number.
                position--;
                throw fault("a comma after the only size");
            }
            return Arrays.copyOf(sizes, axes);
        }

        private int size() {
            skipSpaces();
            int start = position;
            while (position < text.length() && text.charAt(position) >= '0' && text.charAt(position) <= '9') {
                position++;
            }
            // Ten digits at most fit an int, so that the number below cannot overflow a long.
            int digits = position - start;
            long value = digits == 0 || digits > 10 ? -1 : Long.parseLong(text.substring(start, position));
            if (value < 0 || value > Integer.MAX_VALUE) {
                position = start;
                throw fault("a size from 0 to " + Integer.MAX_VALUE);
            }
            return (int) value;
        }

        private String string(String expected) {
            skipSpaces();
            char quote = position < text.length() ? text.charAt(position) : 0;
            int end = quote == '\'' || quote == '"' ? text.indexOf(quote, position + 1) : -1;
            if (end < 0) {
                throw fault(expected);
            }
            String value = text.substring(position + 1, end);
            position = end + 1;
            return value;
        }

        private boolean accept(char wanted) {
            skipSpaces();
            boolean there = position < text.length() && text.charAt(position) == wanted;
            position += there ? 1 : 0;
            return there;
        }

        private void require(char wanted, String expected) {
            if (!accept(wanted)) {
                throw fault(expected);
            }
        }

        private void skipSpaces() {
            while (position < text.length() && text.charAt(position) == ' ') {
                position++;
            }
        }

        private BadInputException fault(String expected) {
            String rest = text.substring(position, Math.min(text.length(), position + 20));
            String found = rest.isEmpty() ? "the end of the dict" : TensorFileFault.quoted(rest);
            return TensorFileFault.at(file, (long) offsetBytes + position, expected, found);
        }
    }
}
