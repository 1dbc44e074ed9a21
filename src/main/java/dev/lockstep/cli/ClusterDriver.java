package dev.lockstep.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;

/**
 * A driver that a worker of a standalone cluster runs, in a directory that the worker made for it. {@code submit/lockstep}
 * marks it by the property {@code lockstep.directory}: the directory of the one who submitted it.
 */
final class ClusterDriver {
    private static final String DIRECTORY = System.getProperty("lockstep.directory");

    /** Beside the driver's {@code stdout} and {@code stderr}. */
    private static final Path STATUS_FILE = Path.of("exit-status");

    private ClusterDriver() {}

    /** Makes relative paths mean what they mean to the one who submitted. */
    static void adoptDirectory(Configuration hadoop) {
        if (DIRECTORY != null) {
            try {
                // Hadoop keeps one local file system a process, so this holds for all that is opened later.
                FileSystem.getLocal(hadoop).setWorkingDirectory(new org.apache.hadoop.fs.Path(DIRECTORY));
            } catch (IOException e) {
                throw new UncheckedIOException("lockstep.directory " + DIRECTORY, e);
            }
        }
    }

    /**
     * Gives Spark the secret of {@code spark.authenticate}: a worker hands it to its drivers in the environment, so that it
     * is on no command line, and then they look for it in the settings alone.
     */
    static void takeSecret(SparkConf conf) {
        String secret = System.getenv(SecurityManager.ENV_AUTH_SECRET());
        if (secret != null) {
            conf.setIfMissing(SecurityManager.SPARK_AUTH_SECRET_CONF(), secret);
        }
    }

    /** Leaves the exit status for {@code submit/lockstep}: Spark tells no more than that a driver failed. */
    static void leaveStatus(int status) {
        if (DIRECTORY != null) {
            try {
                Files.writeString(STATUS_FILE, status + "\n");
            } catch (IOException e) {
                System.err.println("lockstep: cannot write " + STATUS_FILE.toAbsolutePath() + ": " + e.getMessage());
            }
        }
    }
}
