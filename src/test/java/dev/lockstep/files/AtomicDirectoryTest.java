package dev.lockstep.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicDirectoryTest {
    private final Configuration conf = new Configuration();

    @TempDir
    Path directory;

    private int write(String name, boolean overwrite, String content) throws IOException {
        return AtomicDirectory.at(conf, directory.resolve(name).toString(), overwrite)
                .write(uri -> {
                    Path made = Files.createDirectory(Path.of(java.net.URI.create(uri)));
                    Files.writeString(made.resolve("part"), content);
                    Files.createFile(made.resolve("_SUCCESS"));
                    return content.length();
                });
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void writesAndReplacesAWholeDirectory() throws IOException {
        assertThat(write("a/b", false, "one")).isEqualTo(3);
        assertThat(directory.resolve("a/b/part")).hasContent("one");
        assertThat(write("a/b", true, "other")).isEqualTo(5);
        assertThat(directory.resolve("a/b/part")).hasContent("other");
        directory = directory.resolve("a");
        assertThat(names()).containsExactly("b");
    }

    @Test
    void whatMustNotBeReplacedIsRefusedAndStays() throws IOException {
        write("out", false, "one");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> write("out", false, "two"))
                .withMessageContainingAll("out", "expected a new directory", "--overwrite");
        assertThat(directory.resolve("out/part")).hasContent("one");
        Path photos = Files.createDirectory(directory.resolve("photos"));
        Files.writeString(photos.resolve("me.jpg"), "x");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> write("photos", true, "two"))
                .withMessageContainingAll("photos", "_SUCCESS", "directory of other things");
        assertThat(photos.resolve("me.jpg")).exists();
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> write("photos/me.jpg", true, "two"))
                .withMessageContainingAll("me.jpg", "no file");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> AtomicDirectory.at(conf, "/", true))
                .withMessageContaining("root");
        assertThat(names()).containsExactly("out", "photos");
    }

    /** Spark throws checked exceptions that nobody declares. */
    @Test
    void afterAFailureOfAnyKindEverythingIsAsItWas() throws IOException {
        write("out", false, "one");
        AtomicDirectory output =
                AtomicDirectory.at(conf, directory.resolve("out").toString(), true);
        assertThatThrownBy(() -> output.write(uri -> {
                    Files.createDirectory(Path.of(java.net.URI.create(uri)));
                    return AtomicDirectoryTest.<RuntimeException>fail();
                }))
                .isExactlyInstanceOf(Exception.class);
        assertThat(names()).containsExactly("out");
        assertThat(directory.resolve("out/part")).hasContent("one");
    }

    @SuppressWarnings("unchecked")
    private static <E extends Exception> Integer fail() throws E {
        throw (E) new Exception("undeclared");
    }

    /** The rename comes to nothing: what was set aside comes back. */
    @Test
    void ifTheNewDirectoryIsNotThereTheOldOneComesBack() throws IOException {
        write("out", false, "one");
        AtomicDirectory output =
                AtomicDirectory.at(conf, directory.resolve("out").toString(), true);
        assertThatThrownBy(() -> output.write(uri -> 0)).isInstanceOf(IOException.class);
        assertThat(names()).containsExactly("out");
        assertThat(directory.resolve("out/part")).hasContent("one");
    }
}
