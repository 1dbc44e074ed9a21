package dev.lockstep.files;

import dev.lockstep.BadInputException;
import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** A name that somebody gave, and the file system that it lies in. What is there has not been looked at. */
public record Place(FileSystem fs, Path path) {
    /**
     * Finds the file system.
     *
     * @param fault what an error begins with
     * @throws BadInputException if the name is malformed, or there is no such file system
     */
    public static Place of(Configuration conf, String uri, String fault) {
        try {
            Path path = new Path(uri);
            return new Place(path.getFileSystem(conf), path);
        } catch (IllegalArgumentException | IOException e) {
            // Hadoop tells of a malformed name and of an unknown host by IllegalArgumentException.
            throw new BadInputException(fault + ": " + e.getMessage(), e);
        }
    }
}
