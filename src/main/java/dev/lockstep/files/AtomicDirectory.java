package dev.lockstep.files;

import dev.lockstep.BadInputException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory of many files, as Spark's jobs write them, that is there as a whole or not at all: they go into a hidden
 * directory beside it, which is renamed when they are done. What was there before is set aside under another hidden name
 * meanwhile, and deleted last. When anything fails before the rename, the hidden directory is deleted and what was there is
 * untouched. A process that is killed leaves a hidden directory whose name starts with {@link
 * AtomicOutput#TEMPORARY_PREFIX}, or for a moment {@link AtomicOutput#ASIDE_PREFIX}.
 *
 * <p>A rename is one step on local file systems and HDFS; on stores of objects it is a copy.
 */
public final class AtomicDirectory {
    /** What Spark's and Hadoop's committers leave in a directory that is complete. */
    private static final String SUCCESS = "_SUCCESS";

    private static final Logger LOG = LoggerFactory.getLogger(AtomicDirectory.class);

    private final FileSystem fs;
    private final Path target;
    private final String uri;
    private final boolean overwrite;

    private AtomicDirectory(FileSystem fs, Path target, String uri, boolean overwrite) {
        this.fs = fs;
        this.target = target;
        this.uri = uri;
        this.overwrite = overwrite;
    }

    /**
     * Looks at a place for a directory, and changes nothing there.
     *
     * @param overwrite whether an earlier output, one with {@code _SUCCESS} in it, may be replaced
     * @throws BadInputException if there is something that may not be replaced, or no file system of that name
     * @throws IOException if the file system fails
     */
    public static AtomicDirectory at(Configuration conf, String uri, boolean overwrite) throws IOException {
        Place place = Place.of(conf, uri, "cannot write " + uri);
        FileSystem fs = place.fs();
        Path path = place.path();
        AtomicDirectory directory = new AtomicDirectory(fs, fs.makeQualified(path), uri, overwrite);
        directory.exists();
        return directory;
    }

    /**
     * Writes what goes into the directory.
     *
     * @param <T> what it tells of that
     */
    @FunctionalInterface
    public interface Body<T> {
        /**
         * Writes.
         *
         * @param uri of a directory that does not exist yet
         * @throws IOException if it fails; what was written is then deleted
         */
        T write(String uri) throws IOException;
    }

    /**
     * Makes the directory. Its parents are made as needed.
     *
     * @return what {@code body} returns
     * @throws BadInputException if {@code body} throws it, or as {@link #at}
     * @throws IOException if the file system fails
     */
    public <T> T write(Body<T> body) throws IOException {
        makeParent();
        Path temporary = hiddenSibling(AtomicOutput.TEMPORARY_PREFIX);
        boolean done = false;
        try {
            T result = body.write(temporary.toString());
            publish(temporary);
            done = true;
            return result;
        } finally { // Spark throws checked exceptions that nobody declares
            if (!done) {
                deleteAfterFailure(temporary);
            }
        }
    }

    private void makeParent() {
        Path parent = target.getParent();
        try {
            if (!fs.mkdirs(parent)) {
                throw new BadInputException("cannot write " + uri + ": there can be no directory " + parent);
            }
        } catch (IOException e) {
            throw new BadInputException(
                    "cannot write " + uri + ": there can be no directory " + parent + ": "
                            + BadInputException.reason(e),
                    e);
        }
    }

    private void deleteAfterFailure(Path temporary) {
        try {
            fs.delete(temporary, true);
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} was not written; what there is of it stays in {}: {}", target, temporary, e.toString());
        }
    }

    /** Whether there is something to replace; refuses what must not be replaced. */
    private boolean exists() throws IOException {
        if (target.getParent() == null) {
            throw new BadInputException("cannot write " + uri + ": it is the root directory");
        }
        FileStatus status;
        try {
            status = fs.getFileStatus(target);
        } catch (FileNotFoundException | ParentNotDirectoryException e) {
            return false;
        }
        if (!status.isDirectory()) {
            throw new BadInputException("cannot write " + uri + ": expected no file of that name, found one");
        }
        if (!overwrite) {
            throw new BadInputException(
                    "cannot write " + uri + ": expected a new directory, found one; --overwrite replaces it");
        }
        if (!fs.exists(new Path(target, SUCCESS)) && fs.listStatus(target).length > 0) {
            throw new BadInputException("cannot write " + uri + ": expected an earlier output to replace, with "
                    + SUCCESS + " in it, found a directory of other things");
        }
        return true;
    }

    private void publish(Path temporary) throws IOException {
        Path aside = null;
        if (exists()) {
            aside = hiddenSibling(AtomicOutput.ASIDE_PREFIX);
            rename(target, aside);
        }
        try {
            rename(temporary, target);
        } catch (IOException | RuntimeException e) {
            if (aside != null) {
                restore(aside, e);
            }
            throw e;
        }
        if (aside != null) {
            deleteAside(aside);
        }
    }

    private void restore(Path aside, Exception failure) throws IOException {
        try {
            rename(aside, target);
        } catch (IOException | RuntimeException e) {
            failure.addSuppressed(e);
            throw new IOException(failure.getMessage() + "; what was there before is now in " + aside, failure);
        }
    }

    /** The new contents are in place, whatever becomes of the old ones. */
    private void deleteAside(Path aside) {
        String reason = "the file system refused to delete it";
        try {
            if (fs.delete(aside, true)) {
                return;
            }
        } catch (IOException | RuntimeException e) {
            reason = BadInputException.reason(e);
        }
        LOG.warn("{} was replaced, but its former contents stay in {}: {}", target, aside, reason);
    }

    private Path hiddenSibling(String prefix) {
        return new Path(target.getParent(), prefix + UUID.randomUUID());
    }

    private void rename(Path from, Path to) throws IOException {
        if (!fs.rename(from, to)) {
            throw new IOException("cannot write " + uri + ": the file system refused to rename " + from + " to " + to);
        }
    }
}
