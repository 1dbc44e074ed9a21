package dev.lockstep.files;

/**
 * Layout of a safetensors file: offsets, lengths and names only. All numbers little-endian.
 *
 * <pre>
 *   byte 0        8                                   8 + n                          end of file
 *        +--------+-----------------------------------+------------------------------+
 *        | n: u64 | JSON object, spaces up to n bytes | values of all tensors, float32|
 *        +--------+-----------------------------------+------------------------------+
 *
 *   {"__metadata__":{"key":"text", ...},
 *    "name":{"dtype":"F32","shape":[rows,columns],"data_offsets":[begin,end]}, ...}
 * </pre>
 *
 * {@code begin} and {@code end} count bytes from 8 + n. The tensors fill the data without overlap, hole or rest. As
 * written here n is a multiple of 8, so the data start on a multiple of 8; a reader does not depend on it.
 */
final class SafetensorsLayout {
    /** Where the length of the header stands. */
    static final int HEADER_LENGTH_OFFSET = 0;

    /** Bytes of the length of the header. */
    static final int HEADER_LENGTH_BYTES = Long.BYTES;

    /** Where the JSON starts. */
    static final int HEADER_OFFSET = HEADER_LENGTH_OFFSET + HEADER_LENGTH_BYTES;

    /**
     * Longest header that is read: 16 MiB. A header of four tensors has 400 bytes, of the largest public models 1 MB;
     * the names and shapes read from it take about six times its length on the heap.
     */
    static final int MAX_HEADER_BYTES = 16 << 20;

    /** The data start on a multiple of this, in bytes. */
    static final int DATA_ALIGNMENT = 8;

    /** What fills the header up. */
    static final byte PADDING = ' ';

    /** Deepest nesting of the JSON: the object, a tensor, its shape. */
    static final int MAX_NESTING = 3;

    /** Key of the free text map; no tensor can have this name. */
    static final String METADATA = "__metadata__";

    /** Key of the kind of number. */
    static final String DTYPE = "dtype";

    /** Key of the sizes of the axes. */
    static final String SHAPE = "shape";

    /** Key of begin and end, in bytes from the start of the data. */
    static final String DATA_OFFSETS = "data_offsets";

    /** The one kind of number that is read and written. */
    static final String FLOAT32 = "F32";

    private SafetensorsLayout() {}
}
