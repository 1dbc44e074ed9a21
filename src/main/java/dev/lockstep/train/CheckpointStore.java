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
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** The checkpoints of one run: a directory on any Hadoop FileSystem with a safetensors file a checkpoint. */
final class CheckpointStore {
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
     * Writes a checkpoint; its final name appears when it is whole. Older ones beyond those to keep are deleted. So are
     * newer ones: a run that resumed has passed them over as damaged, and they would count as the newest to keep.
     */
    Path save(Checkpoint checkpoint) throws IOException {
        Path file = new Path(directory, String.format(Locale.ROOT, "step-%012d.safetensors", checkpoint.step()));
        FileSystem fs = directory.getFileSystem(conf);
        fs.mkdirs(directory);
        AtomicOutput.write(
                conf,
                file.toString(),
                true,
                out -> SafetensorsFile.write(out, checkpoint.tensors(), checkpoint.sealed()));
        int kept = 0;
        for (FileStatus found : newestFirst()) {
            if (step(found) > checkpoint.step() || kept == keep) {
                fs.delete(found.getPath(), false);
            } else {
                kept++;
            }
        }
        return file;
    }

    /** The newest checkpoint that is whole. Damaged ones are passed over, each with a warning. */
    Optional<Checkpoint> newest(Consumer<String> warn) throws IOException {
        for (FileStatus file : newestFirst()) {
            try {
                return Optional.of(read(file));
            } catch (BadInputException e) {
                warn.accept("checkpoint passed over: " + e.getMessage());
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
