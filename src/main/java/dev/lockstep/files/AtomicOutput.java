package dev.lockstep.files;

import dev.lockstep.BadInputException;
import java.io.FileNotFoundException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.StreamCapabilities;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a file on any Hadoop file system so that its name never holds half a file: the bytes go to a hidden temporary
 * file beside it, which is synced where the file system can, closed, compared with the number of bytes written, and
 * renamed. When anything fails before the rename, the temporary file is deleted and what was there before is untouched.
 * A process that is killed leaves a hidden file whose name starts with {@link #TEMPORARY_PREFIX}.
 *
 * <p>How an existing file is replaced, as Hadoop 3.4 behaves:
 *
 * <ul>
 *   <li>local: {@code FileSystem.rename} falls back to a copy where the system's rename fails, which could leave half a
 *       file, and moves into a directory of that name. Here {@code rename(2)} is called through {@code Files.move} and
 *       nothing else. No checksum file (.crc) is written, and an old one of the same name is deleted before the rename,
 *       for it would make the new file unreadable to Hadoop.
 *   <li>hdfs, viewfs: {@code FileSystem.rename} refuses an existing name; {@code FileContext.rename} with {@code
 *       OVERWRITE} replaces it in one step of the name node.
 *   <li>all others: {@code FileContext} would delete the old file and then rename, and a failure between the two would
 *       lose it. Here the old file is renamed to a hidden name first, and back if the new one cannot take its place. A
 *       reader may find no file for a moment, never half a one.
 * </ul>
 *
 * <p>Without {@code overwrite} an existing name is refused before the first byte is written and again before the rename.
 * Between that and the rename another process can still take the name; HDFS notices, a local file system does not.
 */
public final class AtomicOutput {
    /** Start of the name of every temporary file; hidden from listings and from Hadoop's input formats. */
    public static final String TEMPORARY_PREFIX = ".lockstep-tmp-";

    /** Start of the hidden name of an old file while it is replaced; after a kill in that moment the only copy of it. */
    public static final String ASIDE_PREFIX = ".lockstep-old-";

    private static final Logger LOG = LoggerFactory.getLogger(AtomicOutput.class);

    /** Where {@code FileContext} replaces a file in one step. */
    private static final Set<String> REPLACING_SCHEMES = Set.of("hdfs", "viewfs");

    /**
     * A piece of work on a stream.
     *
     * @param <T> what it works on
     */
    @FunctionalInterface
    public interface IOConsumer<T> {
        /**
         * Does the work.
         *
         * @throws IOException if it fails; what was being written is then given up
         */
        void accept(T value) throws IOException;
    }

    private final Configuration conf;
    private final String uri;
    private final boolean overwrite;
    private final FileSystem fs;
    private final Path target;

    private AtomicOutput(Configuration conf, String uri, boolean overwrite) {
        this.conf = conf;
        this.uri = uri;
        this.overwrite = overwrite;
        try {
            Path path = new Path(uri);
            FileSystem found = path.getFileSystem(conf);
            this.fs = found instanceof LocalFileSystem local ? local.getRawFileSystem() : found;
            this.target = fs.makeQualified(path);
        } catch (IOException | IllegalArgumentException e) {
            // Hadoop tells of a malformed name and of an unknown host by IllegalArgumentException.
            throw unwritable(BadInputException.reason(e), e);
        }
    }

    /**
     * Writes a file as a whole or not at all. The directory must exist. May be called by many threads. For one name
     * several may write at once on local files and HDFS, and the last rename wins; elsewhere one at a time.
     *
     * @param conf names the file systems; a name without a scheme belongs to {@code fs.defaultFS}
     * @param uri of the file
     * @param overwrite whether an existing file is replaced
     * @param body writes the bytes; called at most once. Closing the stream is left to this method, and harmless.
     * @throws BadInputException if nothing can be written under that name: it exists, is a directory, its directory is
     *     missing or closed to us, the file system is not known or not reachable. Nothing has changed then.
     * @throws IOException if writing, syncing, closing or renaming fails later, as on a full disk. What was there
     *     before is untouched then, unless the message says otherwise.
     */
    public static void write(Configuration conf, String uri, boolean overwrite, IOConsumer<OutputStream> body)
            throws IOException {
        AtomicOutput output = new AtomicOutput(conf, uri, overwrite);
        try {
            output.write(body);
        } catch (FSError e) {
            // Hadoop's local file system reports a failed write as an Error.
            throw new IOException("cannot write " + uri + ": " + BadInputException.reason(e.getCause()), e);
        }
    }

    /**
     * Gives a file the name of another, which it replaces as {@link #write} replaces one. On local files and HDFS it may be
     * written on meanwhile by a stream that is open.
     *
     * @param temporary in the same directory
     * @param uri whose place it takes; need not exist
     * @throws BadInputException if that name cannot be had, and nothing has changed
     * @throws IOException if renaming fails; what was there before is untouched then, unless the message says otherwise
     */
    public static void replace(Configuration conf, Path temporary, String uri) throws IOException {
        new AtomicOutput(conf, uri, true).publish(temporary);
    }

    private void write(IOConsumer<OutputStream> body) throws IOException {
        checkPlace();
        Path temporary = hiddenSibling(TEMPORARY_PREFIX);
        FSDataOutputStream out = create(temporary);
        try {
            long lengthBytes = fill(out, body);
            long foundBytes = fs.getFileStatus(temporary).getLen();
            if (foundBytes != lengthBytes) {
                throw new IOException("cannot write " + uri + ": wrote " + lengthBytes + " bytes to " + temporary
                        + ", found " + foundBytes);
            }
            publish(temporary);
        } catch (IOException | RuntimeException | Error e) {
            deleteAfter(e, temporary);
            throw e;
        }
    }

    /** Refuses what cannot work before a byte is written. */
    private void checkPlace() {
        Path parent = target.getParent();
        if (parent == null) {
            throw unwritable("it is the root directory", null);
        }
        try {
            if (!fs.getFileStatus(parent).isDirectory()) {
                throw unwritable(parent + " is not a directory", null);
            }
        } catch (FileNotFoundException e) {
            throw unwritable("no such directory " + parent, e);
        } catch (IOException e) {
            throw unwritable(BadInputException.reason(e), e);
        }
        try {
            targetExists();
        } catch (IOException e) {
            throw unwritable(BadInputException.reason(e), e);
        }
    }

    /** Whether there is a file to replace; refuses what must not be replaced. */
    private boolean targetExists() throws IOException {
        FileStatus status;
        try {
            status = fs.getFileStatus(target);
        } catch (FileNotFoundException e) {
            return false;
        }
        if (status.isDirectory()) {
            throw unwritable("it is a directory", null);
        }
        if (isLocal() && !Files.isRegularFile(localFile(target))) {
            // Renaming onto a device or a pipe would remove it.
            throw unwritable("it is not a regular file", null);
        }
        if (!overwrite) {
            throw unwritable("it exists already and is not to be overwritten", null);
        }
        return true;
    }

    private Path hiddenSibling(String prefix) {
        return new Path(target.getParent(), prefix + UUID.randomUUID());
    }

    private FSDataOutputStream create(Path temporary) {
        try {
            return fs.create(temporary, false);
        } catch (IOException e) {
            throw unwritable(BadInputException.reason(e), e);
        }
    }

    /** Writes, syncs and closes; returns the number of bytes written. */
    private long fill(FSDataOutputStream out, IOConsumer<OutputStream> body) throws IOException {
        try (out) {
            body.accept(new Unclosable(out));
            out.flush();
            if (out.hasCapability(StreamCapabilities.HSYNC)) {
                out.hsync();
            }
            return out.getPos();
        }
    }

    private void publish(Path temporary) throws IOException {
        boolean replaces = targetExists();
        if (isLocal()) {
            // An old checksum file does not fit the new contents; without it Hadoop reads the file unchecked.
            java.nio.file.Path checksums = localFile(new Path(target.getParent(), "." + target.getName() + ".crc"));
            if (Files.isRegularFile(checksums)) {
                Files.delete(checksums);
            }
            Files.move(localFile(temporary), localFile(target), StandardCopyOption.ATOMIC_MOVE);
            syncDirectory(localFile(target.getParent()));
        } else if (!replaces) {
            rename(temporary, target);
        } else if (REPLACING_SCHEMES.contains(fs.getUri().getScheme())) {
            FileContext.getFileContext(fs.getUri(), conf).rename(temporary, target, Options.Rename.OVERWRITE);
        } else {
            replaceBySettingAside(temporary);
        }
    }

    private void replaceBySettingAside(Path temporary) throws IOException {
        Path aside = hiddenSibling(ASIDE_PREFIX);
        rename(target, aside);
        try {
            rename(temporary, target);
        } catch (IOException e) {
            restore(aside, e);
            throw e;
        }
        try {
            fs.delete(aside, false);
        } catch (IOException e) {
            LOG.warn(
                    "{} was replaced, but its former contents stay in {}: {}",
                    target,
                    aside,
                    BadInputException.reason(e));
        }
    }

    private void restore(Path aside, IOException failure) throws IOException {
        try {
            rename(aside, target);
        } catch (IOException e) {
            failure.addSuppressed(e);
            throw new IOException(failure.getMessage() + "; what was there before is now in " + aside, failure);
        }
    }

    private void rename(Path from, Path to) throws IOException {
        if (!fs.rename(from, to)) {
            throw new IOException("cannot write " + uri + ": the file system refused to rename " + from + " to " + to);
        }
        if (!fs.getFileStatus(to).isFile()) {
            // Hadoop moves into a directory that has come to be under this name.
            fs.delete(new Path(to, from.getName()), false);
            throw unwritable("it has become a directory", null);
        }
    }

    /** Makes the rename survive a loss of power. */
    private static void syncDirectory(java.nio.file.Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // The file is whole and in its place. Windows opens no directories, and one may be closed to reading.
            LOG.debug("cannot sync directory {}: {}", directory, BadInputException.reason(e));
        }
    }

    private void deleteAfter(Throwable failure, Path temporary) {
        try {
            fs.delete(temporary, false);
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    /** Only the real local file system; a file system built on top of it may hold more than its files. */
    private boolean isLocal() {
        return fs.getClass() == RawLocalFileSystem.class;
    }

    private java.nio.file.Path localFile(Path path) {
        return ((RawLocalFileSystem) fs).pathToFile(path).toPath();
    }

    private BadInputException unwritable(String reason, Exception cause) {
        return new BadInputException("cannot write " + uri + ": " + reason, cause);
    }

    /** Keeps the stream open past a body that closes it: it has to be synced first. */
    private static final class Unclosable extends FilterOutputStream {
        Unclosable(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            // The inherited method writes byte by byte.
            out.write(bytes, offset, length);
        }

        @Override
        public void close() throws IOException {
            flush();
        }
    }
}
