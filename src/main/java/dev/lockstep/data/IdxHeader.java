package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The header of an IDX file, the format of MNIST: one unsigned byte per element, integers big-endian.
 *
 * <pre>
 *            0      1      2      3      4          8       12        16
 *            +------+------+------+------+----------+-------+---------+------------------------------------
 *   images   | 0x00 | 0x00 | 0x08 | 0x03 | examples | rows  | columns | pixels [examples, rows, columns]
 *            +------+------+------+------+----------+-------+---------+------------------------------------
 *   labels   | 0x00 | 0x00 | 0x08 | 0x01 | examples | labels [examples]
 *            +------+------+------+------+----------+------------------------
 *              zero   zero   type   dims
 * </pre>
 *
 * @param magic {@link #IMAGES_MAGIC} or {@link #LABELS_MAGIC}
 * @param examples number of examples, at least 1
 * @param rows rows of an image, at least 1; 1 for labels
 * @param columns columns of an image, at least 1; 1 for labels; rows x columns is an int
 */
public record IdxHeader(int magic, int examples, int rows, int columns) {
    /** Magic number of images: unsigned bytes in three dimensions. */
    public static final int IMAGES_MAGIC = 0x00000803;
    /** Magic number of labels: unsigned bytes in one dimension. */
    public static final int LABELS_MAGIC = 0x00000801;

    /** Offset of the magic number. */
    public static final int MAGIC_OFFSET = 0;
    /** Offset of the element type, a byte of the magic number. */
    public static final int TYPE_OFFSET = 2;
    /** Offset of the number of dimensions, a byte of the magic number. */
    public static final int DIMENSIONS_OFFSET = 3;
    /** Offset of the number of examples. */
    public static final int EXAMPLES_OFFSET = 4;
    /** Offset of the rows of an image. */
    public static final int ROWS_OFFSET = 8;
    /** Offset of the columns of an image. */
    public static final int COLUMNS_OFFSET = 12;
    /** Length of the header of images: where the first pixel stands. */
    public static final int IMAGES_HEADER_BYTES = 16;
    /** Length of the header of labels: where the first label stands. */
    public static final int LABELS_HEADER_BYTES = 8;

    private static final int UNSIGNED_BYTE = 0x08;

    /**
     * Reads the header of images.
     *
     * @param bytes the first bytes of the content
     * @param lengthBytes how many of them there are; {@link #IMAGES_HEADER_BYTES} unless the content is shorter
     * @param file the file's name for errors
     * @throws BadInputException if it is no header of at least one image of at least one pixel
     */
    public static IdxHeader parseImages(byte[] bytes, int lengthBytes, String file) {
        ByteBuffer header = checkStart(bytes, lengthBytes, file, IMAGES_MAGIC, IMAGES_HEADER_BYTES);
        int examples = positive(header, EXAMPLES_OFFSET, "number of examples", file);
        int rows = positive(header, ROWS_OFFSET, "rows of an image", file);
        int columns = positive(header, COLUMNS_OFFSET, "columns of an image", file);
        if ((long) rows * columns > Integer.MAX_VALUE) {
            throw new BadInputException(file + ": shape of an image at byte " + ROWS_OFFSET + ": expected at most "
                    + Integer.MAX_VALUE + " pixels, found " + rows + " x " + columns + " = " + (long) rows * columns);
        }
        return new IdxHeader(IMAGES_MAGIC, examples, rows, columns);
    }

    /**
     * Reads the header of labels.
     *
     * @param bytes the first bytes of the content
     * @param lengthBytes how many of them there are; {@link #LABELS_HEADER_BYTES} unless the content is shorter
     * @param file the file's name for errors
     * @throws BadInputException if it is no header of at least one label
     */
    public static IdxHeader parseLabels(byte[] bytes, int lengthBytes, String file) {
        ByteBuffer header = checkStart(bytes, lengthBytes, file, LABELS_MAGIC, LABELS_HEADER_BYTES);
        return new IdxHeader(LABELS_MAGIC, positive(header, EXAMPLES_OFFSET, "number of examples", file), 1, 1);
    }

    /** Bytes of one example: the pixels of an image, or 1 for a label. */
    public int exampleBytes() {
        return rows * columns;
    }

    /**
     * Where example {@code index} begins in the content, in bytes; with {@code index == examples}, where the
     * content ends.
     */
    public long offsetOf(int index) {
        return headerBytes() + (long) index * exampleBytes();
    }

    /** Length of the whole content in bytes, header included. */
    public long contentBytes() {
        return offsetOf(examples);
    }

    private int headerBytes() {
        return magic == IMAGES_MAGIC ? IMAGES_HEADER_BYTES : LABELS_HEADER_BYTES;
    }

    private static ByteBuffer checkStart(byte[] bytes, int lengthBytes, String file, int magic, int headerBytes) {
        ByteBuffer header = ByteBuffer.wrap(bytes, 0, lengthBytes).order(ByteOrder.BIG_ENDIAN);
        // The magic number comes first: who gave another kind of file should hear that, however short the file is.
        if (lengthBytes >= EXAMPLES_OFFSET) {
            checkMagic(header, file, magic);
        }
        if (lengthBytes < headerBytes) {
            throw new BadInputException(file + ": truncated in the header at byte " + lengthBytes + ": expected "
                    + headerBytes + " bytes of header, found " + lengthBytes);
        }
        return header;
    }

    private static void checkMagic(ByteBuffer header, String file, int expected) {
        int found = header.getInt(MAGIC_OFFSET);
        if (found == expected) {
            return;
        }
        if (found == IMAGES_MAGIC || found == LABELS_MAGIC) {
            throw new BadInputException(file + ": magic number at byte " + MAGIC_OFFSET + ": expected "
                    + nameOf(expected) + ", found " + nameOf(found) + "; are images and labels swapped?");
        }
        int dimensions = header.get(DIMENSIONS_OFFSET);
        int type = header.get(TYPE_OFFSET) & 0xff;
        if (found >>> 16 == 0 && type != UNSIGNED_BYTE && dimensions == (expected & 0xff)) {
            throw new BadInputException(file + ": element type at byte " + TYPE_OFFSET + ": expected "
                    + hex(UNSIGNED_BYTE, 2) + " (unsigned byte), found " + hex(type, 2));
        }
        if (found >>> 16 == 0 && type == UNSIGNED_BYTE) {
            throw new BadInputException(file + ": number of dimensions at byte " + DIMENSIONS_OFFSET + ": expected "
                    + (expected & 0xff) + ", found " + (dimensions & 0xff));
        }
        throw new BadInputException(file + ": magic number at byte " + MAGIC_OFFSET + ": expected " + nameOf(expected)
                + ", found " + hex(found, 8));
    }

    private static int positive(ByteBuffer header, int offset, String what, String file) {
        int found = header.getInt(offset);
        if (found <= 0) {
            String empty = offset == EXAMPLES_OFFSET && found == 0 ? "empty set: " : "";
            throw new BadInputException(file + ": " + empty + what + " at byte " + offset + ": expected 1 to "
                    + Integer.MAX_VALUE + ", found " + found);
        }
        return found;
    }

    private static String nameOf(int magic) {
        return hex(magic, 8) + (magic == IMAGES_MAGIC ? " (IDX images)" : " (IDX labels)");
    }

    private static String hex(int value, int digits) {
        return String.format("0x%0" + digits + "x", value);
    }
}
