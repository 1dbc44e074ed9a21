package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Inflates a gzip file (RFC 1952) front to back, all its members, and checks the length and CRC of each.
 *
 * <pre>
 *   0    1    2    3     4     8    9    10                                            end - 8   end - 4
 *   +----+----+----+-----+-----+----+----+- - - - - - - - - - - - - - - - -+------------+---------+---------+
 *   | 1f | 8b | 08 |flags|mtime|xfl | os | extra, name, comment, crc16     |deflate data|  crc32  | length  |
 *   +----+----+----+-----+-----+----+----+- - - - - - - - - - - - - - - - -+------------+---------+---------+
 *                                          each only if its flag is set       little-endian, of the member's content
 * </pre>
 *
 * <p>Why not {@link java.util.zip.GZIPInputStream}: it asks {@code available()} whether another member follows, which
 * streams of remote filesystems answer with 0 in mid-file, and it drops whatever else follows without a word.
 *
 * <p>One thread. It owns the inflater's native memory until {@link #close}; the source belongs to the caller.
 */
final class IdxGzip implements AutoCloseable {
    static final int FIRST_BYTE = 0x1f;
    static final int SECOND_BYTE = 0x8b;

    private static final int DEFLATE = 8;
    private static final int FLAG_HEADER_CRC = 0x02;
    private static final int FLAG_EXTRA = 0x04;
    private static final int FLAG_NAME = 0x08;
    private static final int FLAG_COMMENT = 0x10;
    private static final int FLAGS_RESERVED = 0xe0;
    private static final int MTIME_XFL_OS_BYTES = 6;
    private static final int INPUT_BYTES = 1 << 16;

    private final InputStream source;
    private final String file;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final byte[] input = new byte[INPUT_BYTES];
    private int inputFrom;
    private int inputTo;
    private long inputEndOffset;
    private boolean insideMember;
    private boolean ended;
    private long contentBytes;
    private long memberStart;

    /**
     * @param source the file from its first byte on
     * @param file the file's name for errors
     */
    IdxGzip(InputStream source, String file) {
        this.source = source;
        this.file = file;
    }

    /**
     * Inflates some bytes, at least one unless the end is reached.
     *
     * @return how many, or -1 after the last member, whose CRC and length were then found right
     * @throws BadInputException if the file is truncated, corrupt or followed by something else
     * @throws IOException if the source cannot be read
     */
    int read(byte[] target, int offset, int lengthBytes) throws IOException {
        while (!ended) {
            if (!insideMember) {
                openMember();
            } else if (inflater.finished()) {
                closeMember();
            } else {
                if (inflater.needsInput()) {
                    feed();
                }
                int count = inflate(target, offset, lengthBytes);
                if (count > 0) {
                    crc.update(target, offset, count);
                    contentBytes += count;
                    return count;
                }
            }
        }
        return -1;
    }

    @Override
    public void close() {
        inflater.end();
    }

    private int inflate(byte[] target, int offset, int lengthBytes) throws IOException {
        try {
            int count = inflater.inflate(target, offset, lengthBytes);
            if (count == 0 && !inflater.finished() && !inflater.needsInput()) {
                throw corrupt("deflate data", "another block");
            }
            return count;
        } catch (DataFormatException e) {
            throw corrupt("deflate data", String.valueOf(e.getMessage()));
        }
    }

    private void feed() throws IOException {
        if (inputFrom == inputTo) {
            fill("deflate data");
        }
        inflater.setInput(input, inputFrom, inputTo - inputFrom);
        inputFrom = inputTo;
    }

    private void openMember() throws IOException {
        crc.reset();
        expect(FIRST_BYTE, "first byte of the header");
        expect(SECOND_BYTE, "second byte of the header");
        expect(DEFLATE, "compression method");
        int flags = headerByte();
        if ((flags & FLAGS_RESERVED) != 0) {
            throw corrupt("reserved flags 0", String.format("flags 0x%02x", flags));
        }
        skipHeader(MTIME_XFL_OS_BYTES);
        if ((flags & FLAG_EXTRA) != 0) {
            skipHeader(headerByte() | headerByte() << 8);
        }
        if ((flags & FLAG_NAME) != 0) {
            skipHeaderText();
        }
        if ((flags & FLAG_COMMENT) != 0) {
            skipHeaderText();
        }
        if ((flags & FLAG_HEADER_CRC) != 0) {
            long expected = crc.getValue() & 0xffff;
            long found = littleEndian(2);
            if (found != expected) {
                throw corrupt(String.format("header CRC 0x%04x", expected), String.format("0x%04x", found));
            }
        }
        crc.reset();
        inflater.reset();
        memberStart = contentBytes;
        insideMember = true;
    }

    private void closeMember() throws IOException {
        inputFrom = inputTo - inflater.getRemaining();
        long expectedCrc = littleEndian(4);
        if (expectedCrc != crc.getValue()) {
            throw corrupt(
                    String.format("CRC 0x%08x of the content", expectedCrc), String.format("0x%08x", crc.getValue()));
        }
        long expectedBytes = littleEndian(4);
        long foundBytes = (contentBytes - memberStart) & 0xffffffffL;
        if (expectedBytes != foundBytes) {
            throw corrupt("a content of " + expectedBytes + " bytes", foundBytes + " bytes");
        }
        insideMember = false;
        ended = inputFrom == inputTo && !tryFill();
    }

    private void expect(int expected, String what) throws IOException {
        int found = headerByte();
        if (found != expected) {
            inputFrom--;
            throw corrupt(what + String.format(" 0x%02x", expected), String.format("0x%02x", found));
        }
    }

    private void skipHeader(int count) throws IOException {
        for (int i = 0; i < count; i++) {
            headerByte();
        }
    }

    private void skipHeaderText() throws IOException {
        while (headerByte() != 0) {
            continue;
        }
    }

    private int headerByte() throws IOException {
        int value = nextByte("gzip header");
        crc.update(value);
        return value;
    }

    private long littleEndian(int count) throws IOException {
        long value = 0;
        for (int i = 0; i < count; i++) {
            value |= (long) nextByte("gzip CRC and length") << (8 * i);
        }
        return value;
    }

    private int nextByte(String what) throws IOException {
        if (inputFrom == inputTo) {
            fill(what);
        }
        return input[inputFrom++] & 0xff;
    }

    private void fill(String what) throws IOException {
        if (!tryFill()) {
            throw new BadInputException(file + ": truncated gzip at byte " + inputEndOffset + " of the file, byte "
                    + contentBytes + " of the uncompressed content: expected more " + what + ", found the end");
        }
    }

    private boolean tryFill() throws IOException {
        int count = source.read(input, 0, INPUT_BYTES);
        inputFrom = 0;
        inputTo = Math.max(0, count);
        inputEndOffset += inputTo;
        return inputTo > 0;
    }

    private BadInputException corrupt(String expected, String found) {
        // While inflating, the inflater holds the rest of the input; the member's header and trailer are read past it.
        int unread = insideMember && !inflater.finished() ? inflater.getRemaining() : inputTo - inputFrom;
        return new BadInputException(file + ": corrupt gzip near byte " + (inputEndOffset - unread)
                + " of the file, byte " + contentBytes + " of the uncompressed content: expected " + expected
                + ", found " + found);
    }
}
