package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Model files that are missing, damaged, of another kind or of another shape, for every command that reads one. */
@ExtendWith(LeakCheck.class)
class BadModelTest {
    @TempDir
    Path directory;

    private Path data;
    private Path model;
    private Path bad;

    @BeforeEach
    void makeModel() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        Path run = directory.resolve("run");
        InProcess.run("train", "--data", data, "--engine", "local", "--iterations", 0, "--out", run)
                .succeeded();
        model = run.resolve("model.safetensors");
        bad = directory.resolve("bad.safetensors");
    }

    /** Every command that reads a model refuses this one, and changes nothing. */
    private void refused(Path file, String... parts) {
        Map<String, String> before = Snapshot.of(directory);
        Path out = directory.resolve("out");
        InProcess.run("evaluate", "--model", file, "--data", data, "--out", out).refused(parts);
        InProcess.run("export", "--model", file, "--format", "npz", "--out", out)
                .refused(parts);
        initRefused(file, parts);
        assertThat(Snapshot.of(directory)).isEqualTo(before);
    }

    private void initRefused(Path file, String... parts) {
        InProcess.run(
                        "train",
                        "--data",
                        data,
                        "--engine",
                        "local",
                        "--iterations",
                        0,
                        "--out",
                        directory.resolve("other"),
                        "--init-weights",
                        file)
                .refused(parts);
    }

    @Test
    void missing() {
        refused(bad, bad.toString(), "expected a model file", "found nothing");
        refused(bad.resolve("below"), bad.toString(), "found nothing");
        refused(directory, directory.toString(), "expected a model file", "found a directory");
        refused(Path.of("foo:nothing"), "foo:nothing");
    }

    @Test
    void empty() throws IOException {
        Files.write(bad, new byte[0]);
        refused(bad, bad.toString(), "expected", "found");
    }

    @Test
    void truncated() throws IOException {
        byte[] whole = Files.readAllBytes(model);
        for (int length : new int[] {7, 8, 100, whole.length / 2, whole.length - 1}) {
            Files.write(bad, Arrays.copyOf(whole, length));
            refused(bad, bad.toString(), "expected", "found");
        }
    }

    @Test
    void overLong() throws IOException {
        byte[] whole = Files.readAllBytes(model);
        Files.write(bad, Arrays.copyOf(whole, whole.length + 4));
        refused(bad, bad.toString(), "expected", "found");
    }

    @Test
    void header() throws IOException {
        byte[] whole = Files.readAllBytes(model);
        whole[7] = 0x7f; // of the header's length
        Files.write(bad, whole);
        refused(bad, bad.toString(), "at byte 0", "header length", "found");
        replace("\"W1\"", "\"V1\"", "W1", "V1");
        replace("\"F32\"", "\"F16\"", "F16");
        replace("[20,50]", "[20,51]", "expected", "found");
        replace("\"__metadata__\"", "__metadata__\"\"", "expected", "found");
    }

    /** Changes some text of the header into another of the same length. */
    private void replace(String text, String by, String... parts) throws IOException {
        String whole = new String(Files.readAllBytes(model), StandardCharsets.ISO_8859_1);
        assertThat(whole).contains(text);
        Files.writeString(bad, whole.replaceFirst(Pattern.quote(text), by), StandardCharsets.ISO_8859_1);
        refused(bad, parts);
        refused(bad, bad.toString());
    }

    /** Text instead of a model, as when the wrong file was given. */
    @Test
    void anotherKindOfFile() throws IOException {
        Files.writeString(bad, "{\"steps\": 300, \"kernel\": \"scalar\"}\n".repeat(20));
        refused(bad, bad.toString(), "at byte 0", "expected", "found");
    }

    /** An npz has weights but no activation and no loss: fit to start from, not to evaluate. */
    @Test
    void npz() {
        Path npz = directory.resolve("model.npz");
        InProcess.run("export", "--model", model, "--format", "npz", "--out", npz)
                .succeeded();
        InProcess.run("evaluate", "--model", npz, "--data", data)
                .refused(npz.toString(), "metadata format", "found none");
        initRefused(model.resolveSibling("none.npz"), "none.npz", "found nothing");
    }

    @Test
    void anotherShape() {
        Path wide = directory.resolve("wide");
        InProcess.run("train", "--data", data, "--engine", "local", "--iterations", 0, "--out", wide, "--hidden", 51)
                .succeeded();
        initRefused(wide.resolve("model.safetensors"), "W1", "expected shape [20, 50]", "found [20, 51]");
        Path npz = directory.resolve("wide.npz");
        InProcess.run("export", "--model", wide.resolve("model.safetensors"), "--format", "npz", "--out", npz)
                .succeeded();
        initRefused(npz, npz.toString(), "W1", "expected shape [20, 50]", "found [20, 51]");
    }

    @Test
    void anotherShapeThanTheData() throws IOException {
        Path larger = Files.createDirectory(directory.resolve("larger"));
        IdxWriter.random(3, 10, 6, 4, 10, 0.5).write(larger, "train", Storage.GZIP);
        IdxWriter.random(4, 10, 6, 4, 10, 0.5).write(larger, "t10k", Storage.GZIP);
        InProcess.run("evaluate", "--model", model, "--data", larger)
                .refused(model.toString(), "expected images of 20 pixels", "found 6 x 4", larger.toString());
    }

    /** A label that the model has no output for. */
    @Test
    void fewerClassesThanTheData() {
        Path few = directory.resolve("few");
        InProcess.run("train", "--data", data, "--classes", 5, "--engine", "local", "--out", few)
                .refused("train-labels", "expected 0 to 4", "--classes", "found");
        assertThat(few).doesNotExist();
    }
}
