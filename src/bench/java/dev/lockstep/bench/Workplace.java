package dev.lockstep.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Where runs write, below {@code target/bench}: a directory for each. All of it is deleted by {@link #close}. Any thread.
 *
 * @param home the project's directory
 * @param root of all directories of this benchmark
 */
record Workplace(Path home, Path root, AtomicInteger count) implements AutoCloseable {
    /** A new one for a project. */
    static Workplace in(Path home) throws IOException {
        Path benches = Files.createDirectories(home.resolve("target/bench"));
        return new Workplace(home, Files.createTempDirectory(benches, "runs-"), new AtomicInteger());
    }

    /** A new empty directory. */
    Path newDirectory() throws IOException {
        return Files.createDirectory(root.resolve(Integer.toString(count.incrementAndGet())));
    }

    /** Deletes a directory and all in it. */
    static void delete(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
            for (Path file : deepestFirst) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory + " cannot be deleted: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        delete(root);
    }
}
