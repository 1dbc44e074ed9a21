package dev.lockstep.train;

import dev.lockstep.BadInputException;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.files.SafetensorsFile;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** The checkpoints of one run: a directory on any Hadoop FileSystem with a safetensors file a checkpoint. */
final class CheckpointStore implements Checkpoints {
    private static final Pattern NAME = Pattern.compile("step-(\\d{1,18})\\.safetensors");

    private final Configuration conf;
    private final Path directory;
    private final int keep;

    /** @param keep newest checkpoints that are kept, at least 1 */
    CheckpointStore(Configuration conf, Path directory, int keep) {
        this.conf = conf;
        this.directory = directory;
        this.keep = keep;
    }

    /**
     * Writes a checkpoint; its final name appears when it is whole. Then the directory is tidied: older ones beyond
     * those to keep go, and newer ones, which a run that resumed has passed over as damaged and which would count as
     * the newest to keep, and what a process that was killed left half written. The directory belongs to one process at
     * a time.
     *
     * @param warn hears of old files that cannot be deleted, which is no failure
     * @throws BadInputException if nothing can be written in the directory, as in HDFS's safe mode
     * @throws IOException if writing fails later, as on a full disk; older checkpoints are untouched then
     */
    @Override
    public String save(Checkpoint checkpoint, Consumer<String> warn) throws IOException {
        Path file = new Path(directory, String.format(Locale.ROOT, "step-%012d.safetensors", checkpoint.step()));
        FileSystem fs = directory.getFileSystem(conf);
        fs.mkdirs(directory);
        AtomicOutput.write(
                conf,
                file.toString(),
                true,
                out -> SafetensorsFile.write(out, checkpoint.tensors(), checkpoint.sealed()));
        try {
            tidy(fs, checkpoint.step());
        } catch (IOException e) {
            warn.accept("old checkpoints in " + directory + " cannot be deleted: " + e.getMessage());
        }
        return file.toString();
    }

    private void tidy(FileSystem fs, long newestStep) throws IOException {
        int kept = 0;
        for (FileStatus found : newestFirst()) {
            if (step(found) > newestStep || kept == keep) {
                fs.delete(found.getPath(), false);
            } else {
                kept++;
            }
        }
        for (FileStatus found : fs.listStatus(directory)) {
            if (found.isFile() && found.getPath().getName().startsWith(AtomicOutput.TEMPORARY_PREFIX)) {
                fs.delete(found.getPath(), false);
            }
        }
    }

    /**
     * The newest checkpoint that is whole. Damaged ones are passed over, each with a warning.
     *
     * @throws UnreadableCheckpointException if one cannot be read now, as when all data nodes of a block are away. To pass
     *     over what may be whole would let the next save delete it. How long a file system tries is its own setting:
     *     HDFS gives up after up to half a minute, by default, where connections are refused
     * @throws IOException if the directory cannot be read
     */
    @Override
    public Optional<Checkpoint> newest(Consumer<String> warn) throws IOException {
        for (FileStatus file : newestFirst()) {
            try {
                return Optional.of(read(file));
            } catch (BadInputException | ChecksumException e) {
                warn.accept("checkpoint passed over: " + e.getMessage());
            } catch (IOException e) {
                throw new UnreadableCheckpointException(file.getPath(), e);
            }
        }
        return Optional.empty();
    }

    private Checkpoint read(FileStatus file) throws IOException {
        String name = file.getPath().toString();
        try (InputStream in = file.getPath().getFileSystem(conf).open(file.getPath())) {
            SafetensorsFile.Contents contents = SafetensorsFile.read(name, in, file.getLen());
            return Checkpoint.unseal(name, contents.tensors(), contents.metadata());
        }
    }

    private List<FileStatus> newestFirst() throws IOException {
        List<FileStatus> files = new ArrayList<>();
        try {
            for (FileStatus file : directory.getFileSystem(conf).listStatus(directory)) {
                if (file.isFile() && NAME.matcher(file.getPath().getName()).matches()) {
                    files.add(file);
                }
            }
        } catch (FileNotFoundException e) {
            return files; // no directory yet: no checkpoint
        }
        files.sort(Comparator.comparingLong(CheckpointStore::step).reversed());
        return files;
    }

    private static long step(FileStatus file) {
        Matcher matcher = NAME.matcher(file.getPath().getName());
        return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
    }
}
