package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Places that cannot be written or are taken: refused before any work, and nothing that is there changes. */
@ExtendWith(LeakCheck.class)
class BadOutputTest {
    @TempDir
    Path directory;

    private Path run;
    private Path file;
    private Path model;
    private List<Object> train;

    @BeforeEach
    void makeRun() throws IOException {
        Path data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        run = directory.resolve("run");
        file = Files.writeString(directory.resolve("file"), "of somebody");
        train = List.of("train", "--data", data, "--engine", "local", "--iterations", 4, "--checkpoint-every", 2);
        run(train, "--out", run).succeeded();
        model = run.resolve("model.safetensors");
    }

    private static Outcome run(List<Object> words, Object... more) {
        List<Object> all = new ArrayList<>(words);
        all.addAll(List.of(more));
        return InProcess.run(all.toArray());
    }

    /** Refused without a word on standard output, since nothing was begun. */
    private void refused(List<Object> words, Object place, String... parts) {
        Map<String, String> before = Snapshot.of(directory);
        Outcome outcome = run(words, place);
        outcome.refused(parts);
        assertThat(outcome.out()).isEmpty();
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    private static List<Object> with(List<Object> words, Object... more) {
        List<Object> all = new ArrayList<>(words);
        all.addAll(List.of(more));
        return all;
    }

    @Test
    void runDirectory() {
        List<Object> out = with(train, "--out");
        refused(out, run, run.toString(), "new or empty directory", "found 5 entries", "--overwrite", "--resume");
        refused(out, file, file.toString(), "expected a directory, found a file");
        refused(with(train, "--overwrite", "--out"), file, file.toString(), "expected a directory, found a file");
        refused(out, file.resolve("below"), file.resolve("below").toString(), "expected a directory");
        refused(out, "foo://x/run", "--out foo://x/run", "scheme \"foo\"");
        refused(out, "a:b", "--out a:b");
    }

    /** A place that even the superuser cannot write to. */
    @Test
    void unwritableRunDirectory() {
        Path kernel = Path.of("/proc/lockstep-run");
        refused(with(train, "--out"), kernel, "--out " + kernel, "expected a directory that can be written");
    }

    @Test
    void overwriteReplacesTheRunAndNothingElse() throws IOException {
        Path notes = Files.writeString(run.resolve("notes.txt"), "mine");
        Outcome outcome = run(train, "--out", run, "--overwrite", "--seed", 2).succeeded();
        assertThat(notes).hasContent("mine");
        assertThat(run.resolve("summary.json")).content().contains(outcome.weightsSha256());
    }

    @Test
    void traceOfBatches() {
        List<Object> trace = with(train, "--out", directory.resolve("second"), "--trace-batches");
        refused(trace, directory.resolve("none/trace"), "--trace-batches", "none/trace", "found nothing");
        refused(trace, file.resolve("trace"), "--trace-batches", file + "/trace", "found a file");
        refused(trace, directory, "--trace-batches " + directory, "found a directory");
        refused(trace, "foo://x/trace", "--trace-batches foo://x/trace", "scheme \"foo\"");
        refused(trace, "a:b", "--trace-batches a:b");
    }

    @Test
    void export() {
        List<Object> out = with(List.of("export", "--model", model, "--format", "npz"), "--out");
        refused(out, file, "--out " + file, "expected a new file, found one", "--overwrite");
        takesNoSuchPlace(out);
        run(out, file, "--overwrite").succeeded();
        assertThat(file).content(StandardCharsets.ISO_8859_1).startsWith("PK");
    }

    @Test
    void evaluate() {
        List<Object> out = List.of("evaluate", "--model", model, "--data", directory.resolve("data"), "--out");
        refused(out, file, "--out " + file, "expected a new file, found one", "--overwrite");
        takesNoSuchPlace(out);
        run(out, file, "--overwrite").succeeded();
        assertThat(file).content().contains("\"accuracy\"");
    }

    private void takesNoSuchPlace(List<Object> out) {
        refused(out, directory, "--out " + directory, "found a directory");
        refused(out, directory.resolve("none/x"), "--out " + directory.resolve("none/x"), "found nothing");
        refused(out, file.resolve("x"), "--out " + file.resolve("x"), "found a file");
        refused(out, "foo://x/y", "--out foo://x/y", "scheme \"foo\"");
        refused(out, "a:b", "--out a:b");
        refused(out, "/", "--out /", "found a directory");
    }

    /** A run that cannot be gone on with keeps what it has. */
    @Test
    void resume() {
        Map<String, String> before = Snapshot.of(directory);
        List<Object> resume = with(train, "--resume", "--out", run);
        run(resume, "--hidden", 49).refused("--resume", "step 4", "config.hidden 50", "has 49");
        run(resume, "--seed", 5).refused("--resume", "step 4", "config.seed 1", "has 5");
        run(with(List.of("train", "--iterations", 3), resume.subList(1, 5).toArray()), "--resume", "--out", run)
                .refused("--resume", "expected a checkpoint of step 3", "found one of step 4");
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }
}
