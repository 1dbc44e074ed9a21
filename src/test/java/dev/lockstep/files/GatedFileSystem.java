package dev.lockstep.files;

import java.io.IOException;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.spark.SparkConf;

/** Local files under the scheme {@code gated}: whoever opens one waits while the configured file, the gate, is there. */
public final class GatedFileSystem extends RawLocalFileSystem {
    private static final String GATE = "spark.hadoop.gated.gate";

    /** Spark's settings that make it known. Not to Hadoop's cache, which would keep the gate of another test. */
    public static Map<String, String> settings(java.nio.file.Path gate) {
        return Map.of(
                "spark.hadoop.fs.gated.impl",
                GatedFileSystem.class.getName(),
                "spark.hadoop.fs.gated.impl.disable.cache",
                "true",
                GATE,
                gate.toString());
    }

    /** The gate in these settings. */
    public static java.nio.file.Path gate(SparkConf settings) {
        return java.nio.file.Path.of(settings.get(GATE));
    }

    @Override
    public URI getUri() {
        return URI.create("gated:///");
    }

    @Override
    public FSDataInputStream open(Path file, int bufferSize) throws IOException {
        while (java.nio.file.Files.exists(java.nio.file.Path.of(getConf().get(GATE.replace("spark.hadoop.", ""))))) {
            LockSupport.parkNanos(1_000_000);
        }
        return super.open(file, bufferSize);
    }
}
