package dev.lockstep.train;

import dev.lockstep.files.AtomicOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file of lines that readers see one by one while it is written. When its stream breaks off, it can be begun again: another
 * file with the lines that had come through takes its name, and is written on. Whoever follows it by its name finds there what
 * he has read, then what comes. To append to it would not do: after half a line nobody knows how much of it came through, and
 * HDFS gives a file whose writer has failed to nobody before it has recovered its last block. One thread; owns the stream.
 */
public final class MetricsFile implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsFile.class);

    /** Start of names that only a run which writes this file gives: {@code report} may be writing here meanwhile. */
    private static final String TEMPORARY_PREFIX = AtomicOutput.TEMPORARY_PREFIX + "metrics-";

    private final Configuration conf;
    private final FileSystem fs;
    private final Path path;
    private FSDataOutputStream out;
    private int lines;

    private MetricsFile(Configuration conf, FileSystem fs, Path path) {
        this.conf = conf;
        this.fs = fs;
        this.path = path;
    }

    /**
     * Begins the file, with those of the lines that are there already which are to be kept. What an earlier process has left
     * that was killed while it began the file again is deleted: a directory has one run at a time, and this one has just begun.
     *
     * @throws IOException if it cannot be read or written
     */
    static MetricsFile open(Configuration conf, FileSystem fs, Path path, Predicate<String> isKept) throws IOException {
        MetricsFile file = new MetricsFile(conf, fs, path);
        FileStatus[] left =
                fs.listStatus(path.getParent(), found -> found.getName().startsWith(TEMPORARY_PREFIX));
        for (FileStatus one : left) {
            fs.delete(one.getPath(), false);
        }
        List<String> kept =
                fs.exists(path) ? file.wholeLines().stream().filter(isKept).toList() : List.of();
        file.out = fs.create(path, true);
        file.writeAll(file.out, kept);
        file.lines = kept.size();
        return file;
    }

    /** Lines that were written, and those that were kept. */
    int lines() {
        return lines;
    }

    /**
     * Writes a line, which readers can see then.
     *
     * @throws IOException if that fails; a part of the line may have come through. {@link FSError} says the same of local files
     */
    void write(String line) throws IOException {
        writeAll(out, List.of(line));
        lines++;
    }

    private void writeAll(FSDataOutputStream to, List<String> all) throws IOException {
        for (String line : all) {
            to.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        }
        to.hflush();
    }

    /** Without what a process that was killed, or a stream that broke off, has left of a line. */
    private List<String> wholeLines() throws IOException {
        try (FSDataInputStream in = fs.open(path)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        }
    }

    /**
     * Begins the file again after a write that failed. Of the lines written before, those that can still be read are kept.
     *
     * @throws IOException if it cannot be read or written now; the file is as it was, and its stream closed.
     *     {@link FSError} says the same of local files
     */
    void beginAgain() throws IOException {
        closeBroken(out);
        List<String> found = wholeLines();
        List<String> kept = found.subList(0, Math.min(lines, found.size()));
        Path temporary = new Path(path.getParent(), TEMPORARY_PREFIX + UUID.randomUUID());
        FSDataOutputStream again = fs.create(temporary, false);
        try {
            writeAll(again, kept);
            AtomicOutput.replace(conf, temporary, path.toString());
        } catch (IOException | RuntimeException | Error e) {
            closeBroken(again);
            fs.delete(temporary, false);
            throw e;
        }
        out = again;
        lines = kept.size();
    }

    private void closeBroken(FSDataOutputStream stream) {
        try {
            stream.close();
        } catch (IOException | FSError e) {
            LOG.debug("{} is broken, and closing it fails", path, e);
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
