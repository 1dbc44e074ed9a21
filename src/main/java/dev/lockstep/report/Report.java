package dev.lockstep.report;

import dev.lockstep.files.AtomicOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Makes reports of runs, from nothing but what the runs left. A page is written whole or not at all and replaces an
 * earlier one.
 */
public final class Report {
    /** Name of a run's page in its directory. */
    public static final String FILE = "report.html";

    private Report() {}

    /**
     * Writes the page of a run into its directory.
     *
     * @param run URI of the directory
     * @param data directory of the test files; null for where they were in training
     * @return where the page is
     * @throws dev.lockstep.BadInputException if there is no such run
     * @throws IOException if it cannot be read or written
     */
    public static Path write(Configuration conf, String run, String data) throws IOException {
        try (RunFiles files = RunFiles.read(conf, run, data)) {
            return write(conf, new Path(run, FILE), new RunPage(files).html());
        }
    }

    /**
     * Writes a page that lays runs side by side.
     *
     * @param runs URIs of their directories, at least one
     * @param out where the page goes
     * @return where the page is
     * @throws dev.lockstep.BadInputException if one of the runs is not there
     * @throws IOException if they cannot be read or the page not be written
     */
    public static Path compare(Configuration conf, List<String> runs, String out) throws IOException {
        List<RunFiles> all = new ArrayList<>();
        for (String run : runs) {
            all.add(RunFiles.readFigures(conf, run));
        }
        return write(conf, new Path(out), new ComparisonPage(all).html());
    }

    private static Path write(Configuration conf, Path file, String html) throws IOException {
        byte[] bytes = html.getBytes(StandardCharsets.UTF_8);
        AtomicOutput.write(conf, file.toString(), true, out -> out.write(bytes));
        return file;
    }
}
