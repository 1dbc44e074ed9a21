package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;

/**
 * Reads ranges of one file's uncompressed content, ascending, through a heap buffer of bounded size. A plain file is
 * read at the ranges only, by positional reads, which ask for what they want: after a seek a data node of HDFS sends all
 * the rest of the block, as far as the connection takes it. A gzip file is inflated from its beginning, and what lies
 * between the ranges is thrown away.
 *
 * <p>Protocol: {@link #range}, then {@link #available}, {@link #buffer}, {@link #from} and {@link #consume} (or
 * {@link #next}) until the range is used up, then the next range. One thread; it owns its stream until {@link #close}.
 */
final class IdxContent implements AutoCloseable {
    private final String file;
    private final FSDataInputStream source;
    private final IdxGzip inflated;
    private final long contentBytes;
    private final int maxBufferBytes;
    private byte[] buffer = new byte[0];
    private int from;
    private int to;
    private long position;
    private long rangeEnd;

    private IdxContent(String file, FSDataInputStream source, boolean gzip, long contentBytes, int maxBufferBytes) {
        this.file = file;
        this.source = source;
        this.inflated = gzip ? new IdxGzip(source, file) : null;
        this.contentBytes = contentBytes;
        this.maxBufferBytes = maxBufferBytes;
    }

    /**
     * Opens a file.
     *
     * @param contentBytes expected length of the uncompressed content, for errors and {@link #requireEnd}
     * @param maxBufferBytes at most this much is read at once and kept on the heap
     * @throws BadInputException if the file is missing or may not be read
     * @throws UncheckedIOException if the filesystem fails
     */
    static IdxContent open(Configuration conf, String uri, boolean gzip, long contentBytes, int maxBufferBytes) {
        try {
            Path path = new Path(uri);
            return new IdxContent(uri, path.getFileSystem(conf).open(path), gzip, contentBytes, maxBufferBytes);
        } catch (IOException e) {
            throw IdxFile.translate(uri, e);
        }
    }

    /** The file's name for errors. */
    String file() {
        return file;
    }

    /** A place in the content for errors: {@code byte 16}, and for gzip that it is not a place in the file. */
    String place(long offset) {
        return "byte " + offset + (inflated == null ? "" : " of the uncompressed content");
    }

    /**
     * Moves to a range of the content.
     *
     * @param start its first byte, not before the end of the last range
     * @param end behind its last byte; nothing from there on is read
     */
    void range(long start, long end) {
        from = 0;
        to = 0;
        if (inflated == null) {
            position = start;
        } else {
            skipTo(start);
        }
        rangeEnd = end;
    }

    /**
     * Bytes of the range that stand in {@link #buffer} from {@link #from} on: at least 1, reading more when there
     * are none.
     */
    int available() {
        if (from == to) {
            ensureBuffer(rangeEnd - position);
            to = readAtMost(buffer, (int) Math.min(buffer.length, rangeEnd - position));
            from = 0;
            if (to == 0) {
                throw truncated();
            }
        }
        return to - from;
    }

    /** The buffer; its contents are good until the next call of {@link #available} or {@link #next}. */
    byte[] buffer() {
        return buffer;
    }

    /** Index in {@link #buffer} of the next byte. */
    int from() {
        return from;
    }

    /** Moves on by {@code count} bytes, at most {@link #available}. */
    void consume(int count) {
        from += count;
    }

    /** The next byte of the range, 0 to 255. */
    int next() {
        available();
        return buffer[from++] & 0xff;
    }

    /** Fills the array from where the content is, as far as the content goes; returns how many bytes that was. */
    int readUpTo(byte[] target) {
        int count = 0;
        while (count < target.length) {
            int more = readAtMost(target, count, target.length - count);
            if (more == 0) {
                break;
            }
            count += more;
        }
        return count;
    }

    /**
     * Checks that the content ends here; for gzip this is also what lets the CRC of the last member be checked. To be
     * called when the last range ended at the content's end. The length of a plain file was checked when it was opened.
     *
     * @throws BadInputException if something follows, or the gzip file is truncated or corrupt
     */
    void requireEnd() {
        if (inflated != null && readAtMost(new byte[1], 1) > 0) {
            throw new BadInputException(file + ": over-long at " + place(contentBytes) + ": expected " + contentBytes
                    + " bytes of uncompressed content, found more");
        }
    }

    @Override
    public void close() {
        if (inflated != null) {
            inflated.close();
        }
        try {
            source.close();
        } catch (IOException e) {
            throw IdxFile.translate(file, e);
        }
    }

    private void skipTo(long start) {
        if (start < position) {
            throw new IllegalArgumentException(
                    file + ": a gzip file is read forwards, from " + position + " not to " + start);
        }
        while (position < start) {
            ensureBuffer(start - position);
            if (readAtMost(buffer, (int) Math.min(buffer.length, start - position)) == 0) {
                throw truncated();
            }
        }
    }

    private void ensureBuffer(long wantedBytes) {
        int lengthBytes = (int) Math.min(maxBufferBytes, wantedBytes);
        if (buffer.length < lengthBytes) {
            buffer = new byte[lengthBytes];
        }
    }

    private int readAtMost(byte[] target, int lengthBytes) {
        return readAtMost(target, 0, lengthBytes);
    }

    /** Reads at least one byte; 0 means that the content has ended. */
    private int readAtMost(byte[] target, int offset, int lengthBytes) {
        try {
            int count = inflated == null
                    ? source.read(position, target, offset, lengthBytes)
                    : inflated.read(target, offset, lengthBytes);
            position += Math.max(0, count);
            return Math.max(0, count);
        } catch (EOFException e) {
            if (inflated != null) {
                throw IdxFile.translate(file, e);
            }
            return 0; // some filesystems refuse to look behind the end
        } catch (IOException e) {
            throw IdxFile.translate(file, e);
        }
    }

    private BadInputException truncated() {
        // Where a plain file that was cut after it had been opened ends exactly, a reader at its range does not see.
        return new BadInputException(file + ": truncated at " + place(position) + ": expected " + contentBytes
                + " bytes, found " + (inflated == null ? "at most " : "") + position);
    }
}
