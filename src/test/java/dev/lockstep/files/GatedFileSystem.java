package dev.lockstep.files;

import dev.lockstep.step.Await;
import java.io.IOException;
import java.net.URI;
import java.util.Map;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.spark.SparkConf;

/** Local files under the scheme {@code gated}: whoever opens one waits while the configured file, the gate, is there. */
public final class GatedFileSystem extends RawLocalFileSystem {
    private static final String GATE = "gated.gate";
    private static final String SPARK = "spark.hadoop.";

    /** Spark's settings that make it known. Not to Hadoop's cache, which would keep the gate of another test. */
    public static Map<String, String> settings(java.nio.file.Path gate) {
        return Map.of(
                SPARK + "fs.gated.impl",
                GatedFileSystem.class.getName(),
                SPARK + "fs.gated.impl.disable.cache",
                "true",
                SPARK + GATE,
                gate.toString());
    }

    /** The gate in these settings. */
    public static java.nio.file.Path gate(SparkConf settings) {
        return java.nio.file.Path.of(settings.get(SPARK + GATE));
    }

    @Override
    public URI getUri() {
        return URI.create("gated:///");
    }

    @Override
    public FSDataInputStream open(Path file, int bufferSize) throws IOException {
        java.io.File gate = new java.io.File(getConf().get(GATE));
        Await.until(() -> gate + " is still there", () -> !gate.exists());
        return super.open(file, bufferSize);
    }
}
