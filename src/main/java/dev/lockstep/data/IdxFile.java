package dev.lockstep.data;

import dev.lockstep.BadInputException;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.security.AccessControlException;

/**
 * An IDX file that was found: its name, its length as stored, and whether its content is gzip.
 *
 * @param uri qualified name, fit for {@link Path#Path(String)} and for errors
 * @param lengthBytes length as stored
 * @param gzip whether it begins like a gzip file, whatever its name
 */
record IdxFile(String uri, long lengthBytes, boolean gzip) {
    static final String GZIP_SUFFIX = ".gz";

    /**
     * Looks for a file in a directory, plain name first, then with {@code .gz}.
     *
     * @throws BadInputException if there is neither
     * @throws UncheckedIOException if the filesystem fails
     */
    static IdxFile find(Configuration conf, String directory, String name) {
        try {
            Path parent = new Path(directory);
            FileSystem fs = parent.getFileSystem(conf);
            Path qualified = fs.makeQualified(parent);
            IdxFile found = findOrNull(fs, qualified, name);
            if (found == null) {
                throw missing(fs, qualified, name);
            }
            return found;
        } catch (UnsupportedFileSystemException | IllegalArgumentException e) {
            throw new BadInputException(
                    "data directory '" + directory + "': expected a directory's path or URI, found: " + firstLine(e),
                    e);
        } catch (IOException e) {
            throw translate(directory + "/" + name, e);
        }
    }

    /** As {@link #find}; null if there is neither. */
    static IdxFile findOrNull(FileSystem fs, Path directory, String name) throws IOException {
        for (String candidate : new String[] {name, name + GZIP_SUFFIX}) {
            FileStatus status = statusOrNull(fs, new Path(directory, candidate));
            if (status != null) {
                return describe(fs, status);
            }
        }
        return null;
    }

    /** Reads the first bytes of the content: as many as there are, at most the array's length. Returns how many. */
    int readStart(Configuration conf, byte[] target) {
        try (IdxContent content = IdxContent.open(conf, uri, gzip, Long.MAX_VALUE, target.length)) {
            return content.readUpTo(target);
        }
    }

    /**
     * Refuses a plain file whose length is not what its header says. A gzip file's content is measured by who reads it.
     *
     * @throws BadInputException if it is truncated or over-long
     */
    void requireLength(IdxHeader header) {
        long expected = header.contentBytes();
        if (!gzip && lengthBytes != expected) {
            String what =
                    lengthBytes < expected ? ": truncated at byte " + lengthBytes : ": over-long at byte " + expected;
            throw new BadInputException(uri + what + ": expected " + expected + " bytes for " + header.examples()
                    + " examples of " + header.exampleBytes() + " bytes, found " + lengthBytes);
        }
    }

    /**
     * What to throw when reading a file failed: bad input if a person has to mend the file, else the failure
     * itself.
     */
    static RuntimeException translate(String file, IOException e) {
        if (e instanceof FileNotFoundException
                || e instanceof ParentNotDirectoryException
                || e instanceof AccessControlException
                || e instanceof AccessDeniedException) {
            return new BadInputException(file + ": expected a readable file, found: " + firstLine(e), e);
        }
        if (e instanceof ChecksumException checksum) {
            return new BadInputException(
                    file + ": corrupt at byte " + checksum.getPos()
                            + ": expected data that fit the filesystem's checksum, found: " + firstLine(e),
                    e);
        }
        if (e instanceof EOFException) {
            return new BadInputException(file + ": truncated: expected more bytes, found: " + firstLine(e), e);
        }
        return new UncheckedIOException(file + ": cannot be read: " + firstLine(e), e);
    }

    static FileStatus statusOrNull(FileSystem fs, Path path) throws IOException {
        try {
            return fs.getFileStatus(path);
        } catch (FileNotFoundException | ParentNotDirectoryException e) {
            return null;
        }
    }

    /**
     * A file that was found.
     *
     * @throws BadInputException if it is a directory or cannot be read
     */
    static IdxFile describe(FileSystem fs, FileStatus status) throws IOException {
        String uri = status.getPath().toString();
        if (!status.isFile()) {
            throw new BadInputException(uri + ": expected a file, found a directory");
        }
        try (FSDataInputStream in = fs.open(status.getPath())) {
            byte[] start = new byte[2];
            if (status.getLen() >= start.length) {
                in.readFully(0, start);
            }
            boolean gzip = (start[0] & 0xff) == IdxGzip.FIRST_BYTE && (start[1] & 0xff) == IdxGzip.SECOND_BYTE;
            return new IdxFile(uri, status.getLen(), gzip);
        } catch (IOException e) {
            throw translate(uri, e);
        }
    }

    private static BadInputException missing(FileSystem fs, Path directory, String name) throws IOException {
        FileStatus status = statusOrNull(fs, directory);
        String found = status == null
                ? "no such directory (data/fetch gets MNIST)"
                : status.isDirectory() ? "neither of them" : "a file in the directory's place";
        return new BadInputException("data directory " + directory + ": expected " + name + " or " + name + GZIP_SUFFIX
                + ", found " + found);
    }

    static String firstLine(Exception e) {
        return BadInputException.reason(e) + " (" + e.getClass().getSimpleName() + ")";
    }
}
