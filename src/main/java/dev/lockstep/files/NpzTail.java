package dev.lockstep.files;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Counts the bytes of an archive on their way to the unzipper and keeps the last ones. Java's stream unzipper stops at
 * the directory and never looks at the end record, so it takes an archive cut between two entries for whole; the end
 * record tells. Closing leaves the stream below open.
 *
 * <pre>
 *   end record: byte 0        4                 10        12              20             22
 *               +-------------+-----------------+---------+---------------+--------------+
 *               | P K \5 \6   | disks           | entries | directory     | comment: u16 |
 *               +-------------+-----------------+---------+---------------+--------------+
 * </pre>
 */
final class NpzTail extends FilterInputStream {
    private static final int END_RECORD_BYTES = 22;
    private static final int END_SIGNATURE = 0x06054b50;
    private static final int ENTRIES_OFFSET = 10;

    /** In place of a count that stands in a larger record of its own. */
    private static final int ENTRIES_ELSEWHERE = 0xffff;

    private final byte[] last = new byte[END_RECORD_BYTES];
    private long count;

    NpzTail(InputStream in) {
        super(in);
    }

    /** Bytes read so far; the unzipper reads a little ahead. */
    long count() {
        return count;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        int got = in.read(into, offset, length);
        if (got > 0) {
            count += got;
            int kept = Math.min(got, END_RECORD_BYTES);
            System.arraycopy(last, kept, last, 0, END_RECORD_BYTES - kept);
            System.arraycopy(into, offset + got - kept, last, END_RECORD_BYTES - kept, kept);
        }
        return got;
    }

    @Override
    public long skip(long bytes) throws IOException {
        // A skip below would pass bytes by that must be counted and kept.
        return readNBytes((int) Math.min(bytes, 1 << 16)).length;
    }

    @Override
    public boolean markSupported() {
        return false;
    }

    /** Reads to the end. */
    void drain() throws IOException {
        transferTo(OutputStream.nullOutputStream());
    }

    /**
     * Compares the end record with what was read; call after {@link #drain}.
     *
     * @throws dev.lockstep.BadInputException if the archive is no archive, not whole, or longer than told
     */
    void check(String file, long fileLengthBytes, int entries) {
        if (count != fileLengthBytes) {
            throw TensorFileFault.at(file, count, "a file of " + fileLengthBytes + " bytes", count + " bytes");
        }
        ByteBuffer record = ByteBuffer.wrap(last).order(ByteOrder.LITTLE_ENDIAN);
        long offset = Math.max(0, count - END_RECORD_BYTES);
        if (record.getInt(0) != END_SIGNATURE || count < END_RECORD_BYTES) {
            String found = count == 0 ? "an empty file" : "other bytes (not a zip archive, or truncated)";
            throw TensorFileFault.at(file, offset, "the end record of a zip archive", found);
        }
        int recorded = record.getShort(ENTRIES_OFFSET) & 0xffff;
        if (recorded != entries && recorded != ENTRIES_ELSEWHERE) {
            String found = entries + " of them (damaged)";
            throw TensorFileFault.at(file, offset + ENTRIES_OFFSET, recorded + " entries as recorded", found);
        }
    }

    @Override
    public void close() {
        // The stream below belongs to the caller.
    }
}
