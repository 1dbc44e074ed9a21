package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFilesTest {
    private final Configuration conf = new Configuration(false);

    @TempDir
    Path directory;

    @BeforeEach
    void write() throws IOException {
        IdxWriter.random(1, 7, 3, 5, 10, 0.5).write(directory, "train", Storage.GZIP);
        IdxWriter.random(2, 4, 3, 5, 10, 0.5).write(directory, "t10k", Storage.PLAIN);
        IdxWriter.write(
                directory,
                "more.idx3-ubyte",
                Storage.PLAIN,
                IdxWriter.random(3, 2, 3, 5, 10, 0.5).imagesContent());
        Files.writeString(directory.resolve("README.md"), "x");
    }

    private List<String> find(Object... names) {
        return ImageFiles.find(conf, Arrays.stream(names).map(Object::toString).toList()).stream()
                .map(images -> name(images.imagesUri()) + " " + images.examples() + " " + name(images.labelsUri()))
                .toList();
    }

    private static String name(String uri) {
        return uri == null ? "none" : uri.substring(uri.lastIndexOf('/') + 1);
    }

    private void assertRefused(Object name, String... parts) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> find(name))
                .withMessageContainingAll(parts)
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }

    @Test
    void aDirectoryStandsForItsImagesByNameWithLabelsWhereThereAreSome() {
        assertThat(find(directory))
                .containsExactly(
                        "more.idx3-ubyte 2 none",
                        "t10k-images-idx3-ubyte 4 t10k-labels-idx1-ubyte",
                        "train-images-idx3-ubyte.gz 7 train-labels-idx1-ubyte.gz");
    }

    @Test
    void patternsPassOverLabelsAndNobodyIsThereTwice() throws IOException {
        Files.delete(directory.resolve("README.md"));
        assertThat(find(directory + "/t*", directory + "/{train,more}*", directory))
                .containsExactly(
                        "more.idx3-ubyte 2 none",
                        "t10k-images-idx3-ubyte 4 t10k-labels-idx1-ubyte",
                        "train-images-idx3-ubyte.gz 7 train-labels-idx1-ubyte.gz");
    }

    @Test
    void aFileMayHaveAnyName() throws IOException {
        Path odd = Files.copy(directory.resolve("t10k-images-idx3-ubyte"), directory.resolve("digits [1].bin"));
        assertThat(find(odd)).containsExactly("digits [1].bin 4 none");
    }

    @Test
    void ofAFileAndItsGzipThePlainOneCounts() {
        IdxWriter.random(2, 5, 3, 5, 10, 0.5).write(directory, "train", Storage.PLAIN);
        assertThat(find(directory)).hasSize(3).contains("train-images-idx3-ubyte 5 train-labels-idx1-ubyte");
    }

    @Test
    void whatIsNotThereOrDoesNotFitIsRefused() throws IOException {
        assertRefused(
                directory + "/no*", "no*", "expected a directory, a file of images or a pattern", "found nothing");
        assertRefused(Files.createDirectory(directory.resolve("empty")), "empty", "idx3", "found none");
        assertRefused(directory.resolve("README.md"), "README.md", "truncated in the header");
        assertRefused("nosuchscheme://host/x", "data 'nosuchscheme://host/x'");
        IdxWriter.random(2, 5, 3, 5, 10, 0.5).write(directory, "other", Storage.PLAIN);
        Files.copy(directory.resolve("other-labels-idx1-ubyte"), directory.resolve("x-labels-idx1-ubyte"));
        Files.copy(directory.resolve("t10k-images-idx3-ubyte"), directory.resolve("x-images-idx3-ubyte"));
        assertRefused(directory, "x-labels-idx1-ubyte", "expected 4", "found 5");
    }
}
