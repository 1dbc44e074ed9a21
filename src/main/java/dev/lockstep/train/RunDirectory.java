package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.BadInputException;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.files.Place;
import java.io.IOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/** The directory that a run leaves on any Hadoop FileSystem: model, metrics, summary, checkpoints. */
public final class RunDirectory {
    private static final List<String> OWN = List.of(
            "model.safetensors",
            "metrics.jsonl",
            "summary.json",
            "report.html",
            "checkpoints",
            "trials.jsonl", // of a search
            "states",
            "best",
            "tune.html");

    private final Configuration conf;
    private final FileSystem fs;
    private final Path path;

    private RunDirectory(Configuration conf, FileSystem fs, Path path) {
        this.conf = conf;
        this.fs = fs;
        this.path = path;
    }

    /**
     * Looks at a place for a run, and changes nothing there.
     *
     * @param reuse whether something may be there already
     * @throws BadInputException if there is a file, or a directory with something in it that may not be reused
     */
    public static RunDirectory at(Configuration conf, String uri, boolean reuse) throws IOException {
        Place place = Place.of(conf, uri, "--out " + uri);
        FileSystem fs = place.fs();
        Path path = place.path();
        if (fs.exists(path)) {
            if (!fs.getFileStatus(path).isDirectory()) {
                throw new BadInputException("--out " + uri + ": expected a directory, found a file");
            }
            int found = fs.listStatus(path).length;
            if (found > 0 && !reuse) {
                throw new BadInputException("--out " + uri + ": expected a new or empty directory, found " + found
                        + " entries in it; --overwrite replaces the run there, --resume continues it");
            }
        }
        return new RunDirectory(conf, fs, path);
    }

    /**
     * Makes the directory, without what an earlier run left in it unless this one goes on from there.
     *
     * @throws BadInputException if it cannot be written
     */
    public void create(boolean keepEarlierRun) {
        try {
            if (!fs.mkdirs(path)) {
                throw new IOException("it cannot be made");
            }
            for (String name : keepEarlierRun ? List.<String>of() : OWN) {
                fs.delete(new Path(path, name), true);
            }
            Path probe = new Path(path, ".lockstep-probe");
            rawFileSystem().create(probe, true).close();
            fs.delete(probe, false);
        } catch (IOException e) {
            throw new BadInputException(
                    "--out " + path + ": expected a directory that can be written: " + BadInputException.reason(e), e);
        }
    }

    /** The directory itself. */
    public Path path() {
        return path;
    }

    /** Where the trained model goes. */
    public Path model() {
        return new Path(path, "model.safetensors");
    }

    /** Where checkpoints go. */
    public Path checkpoints() {
        return new Path(path, "checkpoints");
    }

    /** Writes {@code summary.json}. */
    public void writeSummary(JsonNode summary) throws IOException {
        byte[] text = new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(summary);
        AtomicOutput.write(conf, new Path(path, "summary.json").toString(), true, out -> {
            out.write(text);
            out.write('\n');
        });
    }

    /**
     * Opens {@code metrics.jsonl}, and deletes the summary of an earlier end of the run, which is going on now; lines of
     * steps after {@code lastStep}, which a resumed run computes again, are dropped.
     */
    public MetricsFile openMetrics(long lastStep) throws IOException {
        fs.delete(new Path(path, "summary.json"), false);
        ObjectMapper json = new ObjectMapper();
        return MetricsFile.open(
                conf, rawFileSystem(), new Path(path, "metrics.jsonl"), line -> stepOf(line, json) <= lastStep);
    }

    /** The step of a line; of what a process that was killed has left of one, a step that is never reached. */
    private static long stepOf(String line, ObjectMapper json) {
        try {
            return json.readTree(line).path("step").asLong(Long.MAX_VALUE);
        } catch (JsonProcessingException e) {
            return Long.MAX_VALUE;
        }
    }

    /** Without the checksum files that Hadoop lays beside local files, which would surprise people and slow flushing. */
    private FileSystem rawFileSystem() {
        return fs instanceof LocalFileSystem local ? local.getRawFileSystem() : fs;
    }
}
