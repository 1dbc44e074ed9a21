package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** The digits that come with the repository are the ones that their README tells of. */
class DataFilesTest {
    private static final Pattern LINE = Pattern.compile("(?m)^    ([0-9a-f]{64})  (\\S+)$");

    @Test
    void contentsHaveTheDigestsOfTheReadme() throws IOException, NoSuchAlgorithmException {
        Path folder = Programs.project("data/mnist-10k");
        Map<String, String> expected = new TreeMap<>();
        Matcher line = LINE.matcher(Files.readString(folder.resolve("README.md")));
        while (line.find()) {
            expected.put(line.group(2), line.group(1));
        }
        assertThat(expected)
                .containsOnlyKeys(
                        "train-images-idx3-ubyte",
                        "train-labels-idx1-ubyte",
                        "t10k-images-idx3-ubyte",
                        "t10k-labels-idx1-ubyte");
        Map<String, String> found = new TreeMap<>();
        for (String name : expected.keySet()) {
            found.put(name, digest(folder.resolve(name + ".gz")));
        }
        assertThat(found).isEqualTo(expected);
    }

    private static String digest(Path gzip) throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        try (InputStream in = new DigestInputStream(new GZIPInputStream(Files.newInputStream(gzip)), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
