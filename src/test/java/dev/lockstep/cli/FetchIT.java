package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * data/fetch against a mirror on this machine, and the wrong usage of data/make-mnist-10k. MNIST itself is not at hand, so
 * where a download is to succeed it is a copy of the program that runs, with the sizes and digests of small files.
 */
class FetchIT {
    private static final List<String> NAMES = List.of(
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    private static final String TRAIN_IMAGES = NAMES.get(0) + ".gz";
    /** The sizes of MNIST's files in the order of {@link #NAMES}, as they stand in the program. */
    private static final List<String> SIZES = List.of("47_040_016", "60_008", "7_840_016", "10_008");

    @TempDir
    Path directory;

    private final Map<String, byte[]> contents = new LinkedHashMap<>();
    private Programs programs;
    private Path to;
    private Mirror mirror;

    @BeforeEach
    void startMirror() throws IOException {
        programs = new Programs(directory.resolve("processes"));
        to = directory.resolve("to");
        mirror = new Mirror();
        Random random = new Random(7);
        for (String name : NAMES) {
            byte[] content =
                    new byte[name.contains("images") ? 300_000 + random.nextInt(1000) : 500 + random.nextInt(90)];
            random.nextBytes(content);
            contents.put(name, content);
            mirror.put(name + ".gz", IdxWriter.gzip(content));
        }
    }

    @AfterEach
    void stopMirror() {
        mirror.close();
    }

    /** A copy of the program in which the sizes and digests of MNIST are replaced by those of the small files. */
    private Path smallFetch() throws IOException, NoSuchAlgorithmException {
        String source = Files.readString(Programs.project("data/src/Fetch.java"));
        String readme = Files.readString(Programs.project("data/README.md"));
        for (int i = 0; i < NAMES.size(); i++) {
            String name = NAMES.get(i);
            byte[] content = contents.get(name);
            // The README tells of MNIST before Fashion-MNIST.
            String told = readme.lines()
                    .filter(line -> line.endsWith("  " + name))
                    .findFirst()
                    .orElseThrow()
                    .strip()
                    .substring(0, 64);
            String digest = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(content));
            source = replaceOnce(source, told, digest);
            source = replaceOnce(source, " " + SIZES.get(i) + ",", " " + content.length + ",");
        }
        Path data = Files.createDirectories(directory.resolve("small/src")).getParent();
        Files.writeString(data.resolve("src/Fetch.java"), source);
        return Files.copy(Programs.project("data/fetch"), data.resolve("fetch"), StandardCopyOption.COPY_ATTRIBUTES);
    }

    private static String replaceOnce(String source, String text, String by) {
        assertThat(source.split(Pattern.quote(text), -1))
                .as("parts around %s", text)
                .hasSize(2);
        return source.replace(text, by);
    }

    private Outcome fetch(Path program, Object... options) {
        List<Object> words = new ArrayList<>(List.of("mnist", "--to", to, "--timeout", 20));
        words.addAll(Arrays.asList(options));
        return programs.start(program, Map.of(), words.toArray()).outcome();
    }

    /** Names in the folder but for the lock, which stays for good. */
    private List<String> namesInFolder() throws IOException {
        if (!Files.exists(to)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(to)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals(".fetch.lock"))
                    .sorted()
                    .toList();
        }
    }

    private void assertAllInPlace() throws IOException {
        assertThat(namesInFolder())
                .containsExactlyInAnyOrderElementsOf(
                        NAMES.stream().map(name -> name + ".gz").toList());
        for (Map.Entry<String, byte[]> file : contents.entrySet()) {
            try (InputStream in = new GZIPInputStream(Files.newInputStream(to.resolve(file.getKey() + ".gz")))) {
                assertThat(in.readAllBytes()).as(file.getKey()).isEqualTo(file.getValue());
            }
        }
    }

    @Test
    void brokenOffDownloadGoesOnWhereItStopped() throws Exception {
        Path fetch = smallFetch();
        mirror.cutAt(TRAIN_IMAGES, 100_000);
        Outcome first = fetch(fetch, "--mirror", mirror.url());
        first.complained("fetch", 1, TRAIN_IMAGES, "expected it from a mirror", mirror.url());
        assertThat(namesInFolder()).containsExactly(TRAIN_IMAGES + ".part");
        long there = Files.size(to.resolve(TRAIN_IMAGES + ".part"));
        // The HTTP client may tell of the end of a connection before it has handed on what came last.
        assertThat(there).isBetween(1L, 100_000L);

        int before = mirror.requests().size();
        mirror.mend(TRAIN_IMAGES);
        String testImages = NAMES.get(2) + ".gz";
        mirror.cutOnceAt(testImages, 70_000);
        fetch(fetch, "--mirror", mirror.url()).succeeded();
        assertAllInPlace();
        List<String> requests =
                mirror.requests().subList(before, mirror.requests().size());
        assertThat(requests).hasSize(5);
        String goesOn = testImages + " bytes=";
        assertThat(requests.get(3)).startsWith(goesOn).endsWith("-");
        assertThat(Integer.parseInt(requests.get(3).substring(goesOn.length()).replace("-", "")))
                .isBetween(1, 70_000);
        assertThat(requests)
                .containsExactly(
                        TRAIN_IMAGES + " bytes=" + there + "-",
                        NAMES.get(1) + ".gz",
                        testImages,
                        requests.get(3),
                        NAMES.get(3) + ".gz");

        Map<String, String> inPlace = Snapshot.of(to);
        before = mirror.requests().size();
        assertThat(fetch(fetch, "--mirror", mirror.url()).succeeded().out()).contains("nothing to do");
        assertThat(mirror.requests()).hasSize(before);
        assertThat(Snapshot.of(to)).isEqualTo(inPlace);
    }

    /** The second mirror gives what the first has only in a damaged state. */
    @Test
    void damagedFileIsGotFromAnotherMirror() throws Exception {
        try (Mirror damaged = new Mirror()) {
            byte[] other = contents.get(NAMES.get(0)).clone();
            other[150_000] ^= 1;
            damaged.put(TRAIN_IMAGES, IdxWriter.gzip(other));
            fetch(smallFetch(), "--mirror", damaged.url(), "--mirror", mirror.url())
                    .succeeded();
            assertThat(damaged.requests()).contains(TRAIN_IMAGES);
            assertAllInPlace();
        }
    }

    /** The program itself, to which none of the small files is MNIST. */
    @Test
    void damagedFileNeverGetsItsName() throws IOException {
        fetch(Programs.project("data/fetch"), "--mirror", mirror.url())
                .complained("fetch", 1, TRAIN_IMAGES, "SHA-256", mirror.url());
        assertThat(namesInFolder()).isEmpty();
    }

    @Test
    void copiesFromAFolder() throws Exception {
        Path from = Files.createDirectory(directory.resolve("from"));
        for (Map.Entry<String, byte[]> file : contents.entrySet()) {
            boolean gzip = file.getKey().startsWith("train");
            IdxWriter.write(
                    from, file.getKey(), gzip ? IdxWriter.Storage.GZIP : IdxWriter.Storage.PLAIN, file.getValue());
        }
        fetch(smallFetch(), "--from", from).succeeded();
        assertAllInPlace();
    }

    @Test
    void damagedFolderIsBadInput() throws IOException {
        Path from = Files.createDirectory(directory.resolve("from"));
        Path images = Files.write(from.resolve(TRAIN_IMAGES), IdxWriter.gzip(contents.get(NAMES.get(0))));
        Path fetch = Programs.project("data/fetch");
        fetch(fetch, "--from", from).complained("fetch", 2, images.toString(), "expected contents", "found");
        Files.delete(images);
        fetch(fetch, "--from", from).complained("fetch", 2, from.toString(), TRAIN_IMAGES, "found neither");
        fetch(fetch, "--from", images).complained("fetch", 2, "--from " + images, "found nothing");
        assertThat(namesInFolder()).isEmpty();
    }

    @Test
    void usageOfFetch() {
        Path fetch = Programs.project("data/fetch");
        programs.start(fetch, Map.of()).outcome().complained("fetch", 2, "mnist, fashion-mnist", "usage: ");
        programs.start(fetch, Map.of(), "cifar").outcome().complained("fetch", 2, "found cifar");
        fetch(fetch, "--mirror", "ftp://127.0.0.1/x").complained("fetch", 2, "--mirror", "found ftp://");
        fetch(fetch, "--mirror", mirror.url(), "--from", directory).complained("fetch", 2, "--from or --mirror");
        assertThat(to).doesNotExist();
        assertThat(mirror.requests()).isEmpty();
    }

    @Test
    void usageOfMakeMnist10k() throws IOException {
        Path make = Programs.project("data/make-mnist-10k");
        programs.start(make, Map.of()).outcome().complained("make-mnist-10k", 2, "found no argument", "usage: ");
        programs.start(make, Map.of(), "--other").outcome().complained("make-mnist-10k", 2, "found --other");
        Path zero =
                Files.createDirectories(directory.resolve("package/src/digits")).resolve("0.json");
        Files.writeString(zero, "{\"data\":[0.5]}");
        programs.start(make, Map.of(), directory.resolve("package"), "--to", to)
                .outcome()
                .complained("make-mnist-10k", 2, zero.toString(), "expected", "found");
        assertThat(to).doesNotExist();
    }
}
