package dev.lockstep.files;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Layout of one .npy array, an entry of an .npz archive: offsets, lengths and names only.
 *
 * <pre>
 *   byte 0                  6       7       8          10 (version 1) or 12 (2)        multiple of 64
 *        +------------------+-------+-------+----------+-------------------------------+----------+
 *        | 0x93 N U M P Y   | major | minor | n: u16   | dict, spaces, newline: n bytes| values   |
 *        |                  |       |       | or u32   |                               |          |
 *        +------------------+-------+-------+----------+-------------------------------+----------+
 *
 *   {'descr': '&lt;f4', 'fortran_order': False, 'shape': (784, 50), }
 * </pre>
 *
 * n is little-endian; the order of the values' bytes stands in {@code descr}. NumPy leaves room for the first axis (in
 * Fortran order the last) to grow to {@value #GROWTH_DIGITS} digits, then fills up to a multiple of 64; so do we, which
 * makes our arrays NumPy's own bytes.
 */
final class NpyLayout {
    /** First bytes of every array. */
    private static final String MAGIC = "\u0093NUMPY";

    /** Length of the magic, and where the version's two bytes stand. */
    static final int VERSION_OFFSET = 6;

    /** Where the length of the dict stands. */
    static final int HEADER_LENGTH_OFFSET = 8;

    /** Order of the length of the dict. */
    static final ByteOrder HEADER_LENGTH_ORDER = ByteOrder.LITTLE_ENDIAN;

    /** Longest dict that is read, in bytes; 64 axes of 10 digits fit twenty times. */
    static final int MAX_HEADER_BYTES = 1 << 16;

    /** The values start on a multiple of this, in bytes. */
    static final int ALIGNMENT = 64;

    /** Digits kept free for the axis that grows. */
    static final int GROWTH_DIGITS = 21;

    /** What an entry of the archive is called, after the name of the tensor. */
    static final String ENTRY_SUFFIX = ".npy";

    private NpyLayout() {}

    /** The magic; a fresh array, for arrays can be written to. */
    static byte[] magic() {
        return MAGIC.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Bytes of the length of the dict, or 0 for a version that is not known. */
    static int headerLengthBytes(int major, int minor) {
        return minor != 0 ? 0 : major == 1 ? Short.BYTES : major == 2 ? Integer.BYTES : 0;
    }
}
