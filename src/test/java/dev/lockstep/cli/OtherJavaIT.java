package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar that this JDK built, on another Java: the one in -Dlockstep.other.java=HOME, or one that stands beside this one. */
class OtherJavaIT {
    private static final int FIRST_WITH_SEGMENTS = 22;

    @TempDir
    static Path directory;

    @Test
    void theJarGivesTheSameBitsOnAnotherJava() throws IOException {
        Optional<Path> other = otherJava();
        if (other.isEmpty()) {
            String message = "OtherJavaIT did NOT run: there is no other Java beside " + javaHome()
                    + "; name one by -Dlockstep.other.java=HOME";
            System.err.println(message);
            Assumptions.abort(message);
        }
        JsonNode here = train(javaHome(), "auto");
        JsonNode there = train(other.get(), "auto");
        JsonNode thereScalar = train(other.get(), "scalar");
        System.out.println("OtherJavaIT: " + here.path("java_version").asText() + " "
                + here.path("kernel").asText()
                + ", " + there.path("java_version").asText() + " "
                + there.path("kernel").asText());
        String bits = here.path("weights_sha256").asText();
        assertThat(bits).hasSize(64);
        assertThat(there.path("java_version").asText())
                .isNotEqualTo(here.path("java_version").asText());
        assertThat(there.path("weights_sha256").asText()).isEqualTo(bits);
        assertThat(thereScalar.path("weights_sha256").asText()).isEqualTo(bits);
        assertThat(thereScalar.path("kernel").asText()).isEqualTo("scalar");
        assertThat(there.path("kernel").asText()).startsWith(expectedKernels(feature(other.get())));
    }

    /** Java 17 has what the one kind of vector kernels needs; later ones load the other kind, if the build made it. */
    private static String expectedKernels(int feature) {
        boolean hasSegments = Files.exists(Programs.project("target/classes/dev/lockstep/kernel/SegmentKernels.class"));
        boolean isVector = feature == 17 || feature >= FIRST_WITH_SEGMENTS && hasSegments;
        return isVector ? "vector" : "scalar";
    }

    private static JsonNode train(Path javaHome, String kernel) throws IOException {
        Path out = directory.resolve(javaHome.getFileName() + "-" + kernel);
        Map<String, String> environment = Map.of(
                "LOCKSTEP_NO_BUILD",
                "1",
                "JAVA_HOME",
                javaHome.toString(),
                "SPARK_SUBMIT_OPTS",
                "-Dlockstep.kernel=" + kernel);
        Outcome outcome = new Programs(directory.resolve("processes-" + out.getFileName()))
                .start(
                        Programs.project("submit/lockstep"),
                        environment,
                        "--master",
                        "local[2]",
                        "--conf",
                        "spark.ui.enabled=false",
                        "train",
                        "--iterations",
                        1200,
                        "--out",
                        out)
                .outcome();
        assertThat(outcome.status()).as(outcome.toString()).isZero();
        return new ObjectMapper().readTree(out.resolve("summary.json").toFile());
    }

    private static Path javaHome() throws IOException {
        return Path.of(System.getProperty("java.home")).toRealPath();
    }

    private static Optional<Path> otherJava() throws IOException {
        String named = System.getProperty("lockstep.other.java");
        if (named != null) {
            return Optional.of(Path.of(named));
        }
        try (Stream<Path> beside = Files.list(javaHome().getParent())) {
            List<Path> homes = beside.sorted().toList();
            return homes.stream()
                    .filter(home -> !Files.isSymbolicLink(home) && Files.isExecutable(home.resolve("bin/java")))
                    .filter(home -> feature(home) >= 17
                            && feature(home) != Runtime.version().feature())
                    .findFirst();
        }
    }

    /** 0 if it does not say. */
    private static int feature(Path home) {
        Properties release = new Properties();
        try (var in = Files.newBufferedReader(home.resolve("release"))) {
            release.load(in);
        } catch (IOException e) {
            return 0;
        }
        String version = release.getProperty("JAVA_VERSION", "0").replace("\"", "");
        return Integer.parseInt(version.split("[.-]")[0]);
    }
}
