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
        Outcome auto = start(other.get(), "auto").succeeded();
        JsonNode there = summary(other.get(), "auto");
        boolean isNarrow = auto.err().contains("and the kernels need"); // this machine's vectors are
        String expected = isVector(feature(other.get())) && !isNarrow ? "vector" : "scalar";
        System.out.println("OtherJavaIT: " + here.path("java_version").asText() + " "
                + here.path("kernel").asText()
                + ", " + there.path("java_version").asText() + " "
                + there.path("kernel").asText());
        String bits = here.path("weights_sha256").asText();
        assertThat(bits).hasSize(64);
        assertThat(there.path("java_version").asText())
                .isNotEqualTo(here.path("java_version").asText());
        assertThat(there.path("weights_sha256").asText()).isEqualTo(bits);
        assertThat(there.path("kernel").asText()).startsWith(expected);
        assertThat(auto.err()).containsOnlyOnce("kernels: " + expected);
        JsonNode thereScalar = train(other.get(), "scalar");
        assertThat(thereScalar.path("weights_sha256").asText()).isEqualTo(bits);
        assertThat(thereScalar.path("kernel").asText()).isEqualTo("scalar");
        if (expected.equals("vector")) {
            JsonNode thereVector = train(other.get(), "vector");
            assertThat(thereVector.path("weights_sha256").asText()).isEqualTo(bits);
            assertThat(thereVector.path("kernel").asText()).startsWith("vector-");
        } else {
            start(other.get(), "vector").refused("--kernel vector", "found Java " + feature(other.get()) + " in ");
        }
    }

    /** Java 17 has what the one kind of vector kernels needs; later ones load the other kind, if the build made it. */
    private static boolean isVector(int feature) {
        boolean hasSegments = Files.exists(Programs.project("target/classes/dev/lockstep/kernel/SegmentKernels.class"));
        return feature == 17 || feature >= FIRST_WITH_SEGMENTS && hasSegments;
    }

    private static JsonNode train(Path javaHome, String kernel) throws IOException {
        start(javaHome, kernel).succeeded();
        return summary(javaHome, kernel);
    }

    private static JsonNode summary(Path javaHome, String kernel) throws IOException {
        return new ObjectMapper()
                .readTree(out(javaHome, kernel).resolve("summary.json").toFile());
    }

    private static Path out(Path javaHome, String kernel) {
        return directory.resolve(javaHome.getFileName() + "-" + kernel);
    }

    private static Outcome start(Path javaHome, String kernel) {
        Path out = out(javaHome, kernel);
        Map<String, String> environment = Map.of("LOCKSTEP_NO_BUILD", "1", "JAVA_HOME", javaHome.toString());
        return new Programs(directory.resolve("processes-" + out.getFileName()))
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
                        "--kernel",
                        kernel,
                        "--out",
                        out)
                .outcome();
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
