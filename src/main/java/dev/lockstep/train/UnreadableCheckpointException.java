package dev.lockstep.train;

import dev.lockstep.BadInputException;
import java.io.IOException;
import org.apache.hadoop.fs.Path;

/** The newest checkpoint is there and cannot be read now; nobody knows whether it is whole. */
public final class UnreadableCheckpointException extends IOException {
    private static final long serialVersionUID = 1L;

    UnreadableCheckpointException(Path file, IOException cause) {
        super(
                "--resume: " + file + " cannot be read now, and may be whole: "
                        + BadInputException.reason(cause)
                        + "; bring back what holds it, or move it away to go on from the one before",
                cause);
    }
}
