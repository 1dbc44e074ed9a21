package dev.lockstep.cli;

import dev.lockstep.data.IdxWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What is in a directory, so that a test can show that nothing there has changed. */
final class Snapshot {
    private Snapshot() {}

    /** By path below the directory: kind, time of last change and contents of everything in it, hidden files included. */
    static Map<String, String> of(Path directory) {
        Map<String, String> entries = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.toList()) {
                String name = directory.relativize(path).toString();
                entries.put(
                        name,
                        Files.isDirectory(path)
                                ? "directory"
                                : Files.getLastModifiedTime(path) + " " + Files.size(path) + " bytes, hash "
                                        + Arrays.hashCode(Files.readAllBytes(path)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return entries;
    }

    /** Names in a directory, sorted. */
    static List<String> names(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A small labelled set of 60 training and 30 test images of 5 x 4 pixels in ten classes; returns its directory. */
    static Path tinyData(Path directory, IdxWriter.Storage storage) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        IdxWriter.random(1, 60, 5, 4, 10, 0.5).write(directory, "train", storage);
        IdxWriter.random(2, 30, 5, 4, 10, 0.5).write(directory, "t10k", storage);
        return directory;
    }
}
