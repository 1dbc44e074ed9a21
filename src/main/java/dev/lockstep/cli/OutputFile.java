package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.files.Place;
import java.io.FileNotFoundException;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;

/** A file that a command is to write, looked at before the work whose result goes into it. */
final class OutputFile {
    private OutputFile() {}

    /**
     * Refuses a place where a file cannot be written. Changes nothing there.
     *
     * @param option that names the file
     * @param replace whether a file that is there may be replaced
     * @throws BadInputException if there is a directory, a file that may not be replaced, or no directory around it
     * @throws IOException if the filesystem fails
     */
    static void require(Configuration hadoop, String option, String uri, boolean replace) throws IOException {
        Place place = Place.of(hadoop, uri, option + " " + uri);
        FileSystem fs = place.fs();
        Path path = place.path();
        FileStatus found = statusOrNull(fs, path);
        if (found != null && found.isDirectory()) {
            throw new BadInputException(option + " " + uri + ": expected the name of a file, found a directory");
        }
        if (found != null && !replace) {
            throw new BadInputException(
                    option + " " + uri + ": expected a new file, found one; --overwrite replaces it");
        }
        Path parent = fs.makeQualified(path).getParent();
        FileStatus around = statusOrNull(fs, parent);
        if (around == null || !around.isDirectory()) {
            throw new BadInputException(option + " " + uri + ": expected a directory " + parent + ", found "
                    + (around == null ? "nothing" : "a file"));
        }
    }

    private static FileStatus statusOrNull(FileSystem fs, Path path) throws IOException {
        try {
            return fs.getFileStatus(path);
        } catch (FileNotFoundException | ParentNotDirectoryException e) {
            return null;
        }
    }
}
