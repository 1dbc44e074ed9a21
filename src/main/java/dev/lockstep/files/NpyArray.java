package dev.lockstep.files;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/** Reads and writes one array in NumPy's .npy format. The layout stands in {@link NpyLayout}. */
final class NpyArray {
    private NpyArray() {}

    /** Bytes that {@link #write} makes of a tensor. */
    static long lengthBytes(Tensor tensor) {
        int header = NpyHeader.encode(tensor.shape()).length;
        return NpyLayout.HEADER_LENGTH_OFFSET + Short.BYTES + header + (long) tensor.values().length * Float.BYTES;
    }

    /** Writes version 1.0, {@code '<f4'}, in C order; the very bytes of {@code numpy.save}. */
    static void write(OutputStream out, Tensor tensor) throws IOException {
        byte[] header = NpyHeader.encode(tensor.shape());
        ByteBuffer start = ByteBuffer.allocate(NpyLayout.HEADER_LENGTH_OFFSET + Short.BYTES)
                .order(NpyLayout.HEADER_LENGTH_ORDER)
                .put(NpyLayout.magic())
                .put((byte) 1)
                .put((byte) 0)
                .putShort((short) header.length);
        out.write(start.array());
        out.write(header);
        TensorValues.write(out, tensor.values());
    }

    /**
     * Reads one array to the end of its stream.
     *
     * @param file archive and entry, for messages
     * @param name of the tensor
     * @param in at the first byte of the array; nothing may follow the array
     * @param limitBytes most that the values may take; checked before memory is taken for them
     * @param lengthBytes length of the stream if somebody claims to know it, else -1
     * @throws dev.lockstep.BadInputException if it is not an array of float32 or float64, or not all of one
     */
    static Tensor read(String file, String name, InputStream in, long limitBytes, long lengthBytes) throws IOException {
        byte[] start = in.readNBytes(NpyLayout.HEADER_LENGTH_OFFSET);
        byte[] magic = NpyLayout.magic();
        if (start.length < NpyLayout.HEADER_LENGTH_OFFSET
                || !Arrays.equals(magic, 0, magic.length, start, 0, magic.length)) {
            throw TensorFileFault.at(file, 0, "the magic \\x93NUMPY and a version", hex(start));
        }
        int major = start[NpyLayout.VERSION_OFFSET];
        int minor = start[NpyLayout.VERSION_OFFSET + 1];
        int lengthFieldBytes = NpyLayout.headerLengthBytes(major, minor);
        if (lengthFieldBytes == 0) {
            String found = (major & 0xff) + "." + (minor & 0xff);
            throw TensorFileFault.at(file, NpyLayout.VERSION_OFFSET, "version 1.0 or 2.0 of .npy", found);
        }
        int dictOffset = NpyLayout.HEADER_LENGTH_OFFSET + lengthFieldBytes;
        byte[] dict = readDict(file, in, dictOffset, lengthFieldBytes);
        NpyHeader header = NpyHeader.parse(file, dictOffset, dict);
        int valuesOffset = dictOffset + dict.length;
        checkLength(file, header, valuesOffset, limitBytes, lengthBytes);
        float[] values =
                TensorValues.readGrowing(file, valuesOffset, in, header.elements(), header.itemBytes(), header.order());
        if (in.read() >= 0) {
            long end = valuesOffset + (long) header.elements() * header.itemBytes();
            throw TensorFileFault.at(
                    file, end, "the end of the array " + Arrays.toString(header.shape()), "more bytes");
        }
        return new Tensor(name, header.shape(), header.fortranOrder() ? toRowMajor(values, header.shape()) : values);
    }

    /** All that can be known of the length before memory is taken. */
    private static void checkLength(
            String file, NpyHeader header, int valuesOffset, long limitBytes, long lengthBytes) {
        long valueBytes = (long) header.elements() * header.itemBytes();
        String expected = valueBytes + " bytes of values for shape " + Arrays.toString(header.shape());
        if (lengthBytes >= 0 && valueBytes != lengthBytes - valuesOffset) {
            String found = (lengthBytes - valuesOffset) + " in an entry of " + lengthBytes + " bytes";
            throw TensorFileFault.at(file, valuesOffset, expected, found);
        }
        if (valueBytes > limitBytes) {
            String found = expected + " in a file that is too short for them";
            throw TensorFileFault.at(file, valuesOffset, "at most " + limitBytes + " bytes of values", found);
        }
    }

    private static byte[] readDict(String file, InputStream in, int offset, int lengthFieldBytes) throws IOException {
        byte[] field = in.readNBytes(lengthFieldBytes);
        // The upper bytes of a short field stay zero: little-endian.
        ByteBuffer number = ByteBuffer.allocate(Long.BYTES).order(NpyLayout.HEADER_LENGTH_ORDER);
        number.put(0, field);
        long dictBytes = number.getLong(0);
        if (field.length < lengthFieldBytes || dictBytes > NpyLayout.MAX_HEADER_BYTES) {
            throw TensorFileFault.at(
                    file,
                    NpyLayout.HEADER_LENGTH_OFFSET,
                    "a dict of at most " + NpyLayout.MAX_HEADER_BYTES + " bytes",
                    field.length < lengthFieldBytes ? "the end" : dictBytes + " bytes");
        }
        byte[] dict = in.readNBytes((int) dictBytes);
        if (dict.length < dictBytes) {
            long end = (long) offset + dict.length;
            throw TensorFileFault.at(file, end, (dictBytes - dict.length) + " more bytes of the dict", "the end");
        }
        return dict;
    }

    /** From first axis fastest to last axis fastest. */
    private static float[] toRowMajor(float[] columnMajor, int[] shape) {
        int[] strides = new int[shape.length];
        int stride = 1;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= shape[axis];
        }
        float[] rowMajor = new float[columnMajor.length];
        int[] index = new int[shape.length];
        int target = 0;
        for (float value : columnMajor) {
            rowMajor[target] = value;
            for (int axis = 0; axis < shape.length; axis++) {
                target += strides[axis];
                if (++index[axis] < shape[axis]) {
                    break;
                }
                target -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        return rowMajor;
    }

    private static String hex(byte[] bytes) {
        return bytes.length == 0
                ? "nothing"
                : "bytes " + HexFormat.ofDelimiter(" ").formatHex(bytes);
    }
}
