package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class PredictCommandTest {
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";

    @TempDir
    Path directory;

    private Path data;
    private Path model;
    private Path out;

    @BeforeEach
    void train() {
        data = Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN);
        InProcess.run(
                        "train",
                        "--data",
                        data,
                        "--engine",
                        "local",
                        "--iterations",
                        20,
                        "--out",
                        directory.resolve("run"))
                .succeeded();
        model = directory.resolve("run/model.safetensors");
        out = directory.resolve("out");
    }

    private Outcome predict(Object... more) {
        return InProcess.run(
                Stream.concat(Stream.of("predict", "--model", model, "--out", out, "--format", "csv"), Stream.of(more))
                        .toArray());
    }

    private List<String> lines() throws IOException {
        List<String> lines = new ArrayList<>();
        try (Stream<Path> files = Files.list(out)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".csv"))
                    .sorted()
                    .toList()) {
                List<String> own = Files.readAllLines(file);
                assertThat(own.get(0)).isEqualTo("file,number,label,prediction,p0,p1,p2,p3,p4,p5,p6,p7,p8,p9");
                lines.addAll(own.subList(1, own.size()));
            }
        }
        return lines;
    }

    @Test
    void oneLineTellsWhatWasDoneAndTheRowsAgreeWithEvaluate() throws IOException {
        Outcome outcome = predict("--data", data, "--tasks", 3).succeeded();
        assertThat(outcome.err()).isEmpty();
        assertThat(outcome.out())
                .matches(
                        "90 images of 2 files in [\\d.]+ s; [\\d,]+ images/s once begun \\([\\d,]+ without writing\\): "
                                + out + "\n");
        List<String> rows = lines();
        assertThat(rows).hasSize(90);
        assertThat(rows.get(31)).startsWith("file:" + data + "/train-images-idx3-ubyte,1,");
        long correct = rows.stream()
                .filter(row -> row.contains(TEST_IMAGES))
                .map(row -> row.split(","))
                .filter(fields -> fields[2].equals(fields[3]))
                .count();
        assertThat(InProcess.run("evaluate", "--model", model, "--data", data)
                        .succeeded()
                        .out())
                .contains(String.format(java.util.Locale.ROOT, "30 examples, accuracy %.4f", correct / 30.0));
        assertThat(Snapshot.names(directory)).containsExactly("data", "out", "run");
    }

    @Test
    void whatIsThereStaysUnlessToldOtherwise() throws IOException {
        Object images = data.resolve(TEST_IMAGES);
        predict("--data", images).succeeded();
        Object before = Snapshot.of(out);
        predict("--data", data).refused(out.toString(), "expected a new directory", "--overwrite");
        assertThat(Snapshot.of(out)).isEqualTo(before);
        // As a shell spells out a pattern.
        predict("--data", images, data.resolve("train-images-idx3-ubyte"), "--overwrite")
                .succeeded();
        assertThat(lines()).hasSize(90);
        out = directory.resolve("run");
        predict("--data", images, "--overwrite").refused(out.toString(), "_SUCCESS");
        assertThat(Snapshot.names(directory)).containsExactly("data", "out", "run");
    }

    @Test
    void damageThatATaskFindsLeavesNothing() throws IOException {
        Path gzip = data.resolve("z-images-idx3-ubyte.gz");
        byte[] bytes = IdxWriter.gzip(Files.readAllBytes(data.resolve(TEST_IMAGES)));
        bytes[bytes.length - 8] ^= 1;
        Files.write(gzip, bytes);
        predict("--data", data).refused(gzip.toString(), "corrupt gzip near byte", "expected CRC", "found");
        assertThat(Snapshot.names(directory)).containsExactly("data", "run");
    }

    @Test
    void imagesOfAnotherSizeAreRefused() throws IOException {
        IdxWriter.write(
                data,
                "odd-images-idx3-ubyte",
                Storage.PLAIN,
                IdxWriter.random(1, 3, 5, 5, 10, 1).imagesContent());
        predict("--data", data)
                .refused(model.toString(), "expected images of 20 pixels", "5 x 5", "odd-images-idx3-ubyte");
        predict("--data", directory.resolve("nowhere")).refused("nowhere", "expected a directory", "found nothing");
        predict("--data", data, "--format", "xml").refused("--format", "expected one of [parquet, csv, json]", "xml");
        predict("--data", data, "--tasks", 0).refused("--tasks", "expected 1 to 65536", "found 0");
    }

    @Test
    void aPlaceWhereNothingCanBeWrittenIsRefused() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        out = file.resolve("out");
        predict("--data", data).refused("cannot write " + out, "no directory", file.toString());
    }
}
