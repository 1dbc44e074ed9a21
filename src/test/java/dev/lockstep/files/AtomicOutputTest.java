package dev.lockstep.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.BadInputException;
import dev.lockstep.files.FaultyFileSystem.Fault;
import java.io.IOException;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AtomicOutputTest {
    private static final String OLD = "what was there before";
    private static final String NEW = "the new contents";

    @TempDir
    private Path directory;

    private Path target;
    private Configuration local;

    @BeforeEach
    void names() {
        target = directory.resolve("model file.bin");
        local = new Configuration(false);
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:", "faulty:", ""})
    void writesAndReplacesAndLeavesNothingElse(String scheme) throws IOException {
        Configuration conf = FaultyFileSystem.configuration(Fault.NONE);
        AtomicOutput.write(conf, scheme + target, false, text(OLD));
        assertThat(target).hasContent(OLD);
        AtomicOutput.write(conf, scheme + target, true, text(NEW));
        assertThat(target).hasContent(NEW);
        assertThat(names(directory)).containsExactly("model file.bin");
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:", "faulty:"})
    void existingFileIsRefusedBeforeAnythingIsWritten(String scheme) throws IOException {
        Files.writeString(target, OLD);
        assertThatThrownBy(() ->
                        AtomicOutput.write(FaultyFileSystem.configuration(Fault.NONE), scheme + target, false, out -> {
                            throw new AssertionError("called");
                        }))
                .isInstanceOf(BadInputException.class)
                .hasMessage("cannot write " + scheme + target + ": it exists already and is not to be overwritten");
        assertThat(target).hasContent(OLD);
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:", "faulty:"})
    void fileThatAppearsMeanwhileIsKept(String scheme) throws IOException {
        assertThatThrownBy(() ->
                        AtomicOutput.write(FaultyFileSystem.configuration(Fault.NONE), scheme + target, false, out -> {
                            out.write(NEW.getBytes(UTF_8));
                            Files.writeString(target, OLD);
                        }))
                .isInstanceOf(BadInputException.class)
                .hasMessageEndingWith("it exists already and is not to be overwritten");
        assertThat(target).hasContent(OLD);
        assertThat(names(directory)).containsExactly("model file.bin");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "FULL_DISK      | : No space left on device",
                "WRITE          | No space left on device",
                "CLOSE          | the last block was not acknowledged",
                "LOSE_A_BYTE    | wrote 16 bytes to",
                "RENAME_THROWS  | the name node says no",
                "RENAME_REFUSES | the file system refused to rename faulty:",
            })
    void everyFailureLeavesWhatWasThere(Fault fault, String message) throws IOException {
        Configuration conf = FaultyFileSystem.configuration(fault);
        assertThatThrownBy(() -> AtomicOutput.write(conf, "faulty:" + target, true, text(NEW)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(message);
        assertThat(names(directory)).isEmpty();

        Files.writeString(target, OLD);
        assertThatThrownBy(() -> AtomicOutput.write(conf, "faulty:" + target, true, text(NEW)))
                .isInstanceOf(IOException.class);
        assertThat(target).hasContent(OLD);
        assertThat(names(directory)).containsExactly("model file.bin");
    }

    @Test
    void whereNothingCanBePutBackTheMessageTellsWhereItIs() throws IOException {
        Files.writeString(target, OLD);
        Configuration conf = FaultyFileSystem.configuration(Fault.RENAME_AND_RESTORE_REFUSE);
        assertThatThrownBy(() -> AtomicOutput.write(conf, "faulty:" + target, true, text(NEW)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("; what was there before is now in faulty:" + directory + "/.lockstep-old-");
        assertThat(names(directory)).hasSize(1);
        assertThat(directory.resolve(names(directory).get(0))).hasContent(OLD);
    }

    @Test
    void directoryThatAppearsMeanwhileIsNotWrittenInto() throws IOException {
        Configuration conf = FaultyFileSystem.configuration(Fault.DIRECTORY_APPEARS);
        assertThatThrownBy(() -> AtomicOutput.write(conf, "faulty:" + target, true, text(NEW)))
                .isInstanceOf(BadInputException.class)
                .hasMessage("cannot write faulty:" + target + ": it has become a directory");
        assertThat(target).isEmptyDirectory();
    }

    @Test
    void failuresOfTheBodyPassUnchanged() throws IOException {
        Files.writeString(target, OLD);
        List<Throwable> failures = List.of(
                new IOException("io"),
                new BadInputException("bad"),
                new IllegalStateException("state"),
                new OutOfMemoryError("memory"));
        for (Throwable failure : failures) {
            assertThatThrownBy(() -> AtomicOutput.write(local, target.toString(), true, out -> {
                        out.write(new byte[100_000]);
                        AtomicOutputTest.<RuntimeException>sneak(failure);
                    }))
                    .isSameAs(failure);
            assertThat(target).hasContent(OLD);
            assertThat(names(directory)).containsExactly("model file.bin");
        }
    }

    @Test
    void bodyMayCloseItsStream() throws IOException {
        AtomicOutput.write(local, target.toString(), false, out -> {
            out.write('a');
            out.close();
            out.write(new byte[] {'x', 'b', 'x'}, 1, 1);
            out.close();
        });
        assertThat(target).hasContent("ab");
    }

    @Test
    void placesThatCannotBeWritten() throws IOException {
        Path file = Files.writeString(directory.resolve("plain"), "");
        assertUnwritable(directory + "/none/model", "no such directory file:" + directory + "/none");
        assertUnwritable(file + "/model", "file:" + file + " is not a directory");
        assertUnwritable(file + "/deeper/model", "no such directory file:" + file + "/deeper");
        assertUnwritable(directory.toString(), "it is a directory");
        assertUnwritable("/", "it is the root directory");
        assertUnwritable("", "Can not create a Path from an empty string");
        assertUnwritable("nothing://host/model", "No FileSystem for scheme \"nothing\"");
        assertUnwritable("a:b", "Relative path in absolute URI: a:b");
        assertUnwritable("/proc/self/model", "/proc/self/.lockstep-tmp-");
        assertThatThrownBy(() -> AtomicOutput.write(
                        FaultyFileSystem.configuration(Fault.CREATE), "faulty:" + target, true, text(NEW)))
                .isInstanceOf(BadInputException.class)
                .hasMessage("cannot write faulty:" + target + ": Permission denied: user=nobody, access=WRITE");
        assertThat(names(directory)).containsExactly("plain");
    }

    @Test
    void whatIsNoRegularFileIsNotReplaced() throws IOException {
        // A socket of our own stands for devices: given a real one, a broken build would replace it.
        Path socket = directory.resolve("socket");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            assertUnwritable(socket.toString(), "it is not a regular file");
            assertThat(Files.readAttributes(socket, BasicFileAttributes.class).isOther())
                    .isTrue();
        }
        assertThat(names(directory)).containsExactly("socket");
    }

    @Test
    void checksumFileOfTheOldContentsGoes() throws IOException {
        org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(target.toUri());
        FileSystem checked = FileSystem.getLocal(local);
        try (FSDataOutputStream out = checked.create(path)) {
            out.writeBytes(OLD);
        }
        assertThat(names(directory)).hasSize(2);
        AtomicOutput.write(local, target.toString(), true, text(NEW));
        assertThat(names(directory)).containsExactly("model file.bin");
        try (FSDataInputStream in = checked.open(path)) {
            assertThat(in.readAllBytes()).isEqualTo(NEW.getBytes(UTF_8));
        }
    }

    @Test
    void readersSeeOneWholeFileOrAnother() throws Exception {
        String small = "s".repeat(10);
        String large = "L".repeat(300_000);
        AtomicOutput.write(local, target.toString(), false, text(small));
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            List<Future<?>> writers = Stream.of(small, large)
                    .<Future<?>>map(contents -> pool.submit(() -> {
                        for (int i = 0; i < 50; i++) {
                            AtomicOutput.write(local, target.toString(), true, text(contents));
                        }
                        return null;
                    }))
                    .toList();
            int reads = 0;
            while (reads == 0 || writers.stream().anyMatch(writer -> !writer.isDone())) {
                assertThat(Files.readString(target)).isIn(small, large);
                reads++;
            }
            for (Future<?> writer : writers) {
                writer.get(1, TimeUnit.MINUTES);
            }
        } finally {
            pool.shutdownNow();
        }
        assertThat(names(directory)).containsExactly("model file.bin");
    }

    private void assertUnwritable(String uri, String reason) {
        assertThatThrownBy(() -> AtomicOutput.write(local, uri, true, text(NEW)))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("cannot write " + uri + ": ")
                .hasMessageContaining(reason)
                .hasMessageNotContaining("\n");
    }

    private static AtomicOutput.IOConsumer<OutputStream> text(String contents) {
        return out -> out.write(contents.getBytes(UTF_8));
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable failure) throws T {
        throw (T) failure;
    }
}
