package dev.lockstep.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.cluster.StandaloneCluster.Outcome;
import dev.lockstep.cluster.StandaloneCluster.Program;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training on a standalone cluster, a master and two workers in JVMs of their own, gives the bits of one process. */
class StandaloneIT {
    private static final int NOT_RUNNING = 3;

    /** Long enough for an executor that comes seconds after the other to join the run. */
    private static final String STEPS = "2000";

    /**
     * Three slots, so that there is one left for a driver, and the run waits for both executors; no user interface, whose
     * port may be another's.
     */
    private static final List<String> SLOTS = List.of(
            "--conf", "spark.cores.max=3",
            "--conf", "spark.scheduler.minRegisteredResourcesRatio=1",
            "--conf", "spark.ui.enabled=false");

    private static final String AUTHENTICATION = """
            spark.authenticate true
            spark.authenticate.secret of-this-test-alone
            spark.network.crypto.enabled true
            """;

    @TempDir
    static Path directory;

    private static StandaloneCluster cluster;
    private static String expectedSha256;

    @BeforeAll
    static void startClusterAndTrainAlone() {
        cluster = new StandaloneCluster(directory.resolve("open"));
        assertThat(cluster.standalone("status").status()).isEqualTo(NOT_RUNNING);
        assertThat(cluster.start().out()).contains("workers  2\n", "cores    0 of 4 used\n");
        Program alone = cluster.lockstepAlone("train", "--engine", "local", "--iterations", STEPS, "--out", "run");
        expectedSha256 = summary(alone).path("weights_sha256").asText();
        assertThat(expectedSha256).hasSize(64);
    }

    @AfterAll
    static void stopLeavesNothing() {
        try (StandaloneCluster ours = cluster) {
            ours.remember();
            Outcome stopped = ours.standalone("stop");
            assertThat(stopped.out()).as(stopped.toString()).isEqualTo("stopped\n");
            StandaloneCluster.await(() -> ours.left().isEmpty(), () -> "still there: " + ours.left());
            assertThat(ours.standalone("status").status()).isEqualTo(NOT_RUNNING);
            assertThat(ours.standalone("stop").status()).isZero();
        }
    }

    private static Object[] words(List<String> first, String... more) {
        return Stream.concat(first.stream(), Stream.of(more)).toArray();
    }

    private static Program train(StandaloneCluster where, String... sparkOptions) {
        return where.lockstep(Stream.of(
                        Stream.of(sparkOptions),
                        SLOTS.stream(),
                        Stream.of("train", "--iterations", STEPS, "--log-every", "10", "--out", "run"))
                .flatMap(all -> all)
                .toArray());
    }

    /** Of a run whose --out is the relative path "run". */
    private static JsonNode summary(Program training) {
        Outcome outcome = training.outcome();
        assertThat(outcome.status()).as(outcome.toString()).isZero();
        try {
            return new ObjectMapper()
                    .readTree(training.directory().resolve("run/summary.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(outcome.toString(), e);
        }
    }

    private static void isTheSameFromTwoExecutors(JsonNode summary) {
        assertThat(summary.path("weights_sha256").asText()).isEqualTo(expectedSha256);
        assertThat(summary.path("engine").asText()).isEqualTo("lockstep");
        assertThat(summary.path("workers_joined").asInt()).isEqualTo(2);
        assertThat(summary.path("workers_lost").asInt()).isZero();
    }

    @Test
    void clientMode() {
        isTheSameFromTwoExecutors(summary(train(cluster)));
    }

    /** The driver runs in a directory of its worker's: the relative path of the run is still the submitter's. */
    @Test
    void clusterMode() throws IOException {
        Program training = train(cluster, "--deploy-mode", "cluster");
        isTheSameFromTwoExecutors(summary(training));
        assertThat(Files.readString(training.out())).contains("weights sha256  " + expectedSha256);
    }

    @Test
    void clusterModeEndsWithTheDriversStatus() {
        Outcome outcome = cluster.lockstep(
                        words(SLOTS, "--deploy-mode", "cluster", "train", "--data", "nowhere", "--out", "run"))
                .outcome();
        assertThat(outcome.status()).as(outcome.toString()).isEqualTo(2);
        assertThat(outcome.err()).contains("lockstep: ", "nowhere", "FAILED");
    }

    /** In cluster mode, where the secret goes the longest way: through a worker to the driver, and on to the executors. */
    @Test
    void authenticationAndEncryption() throws IOException {
        Path properties = Files.writeString(directory.resolve("authentication.conf"), AUTHENTICATION);
        try (StandaloneCluster closed = new StandaloneCluster(directory.resolve("closed"))) {
            closed.start("--properties-file", properties);
            isTheSameFromTwoExecutors(
                    summary(train(closed, "--properties-file", properties.toString(), "--deploy-mode", "cluster")));
        }
    }

    @Test
    void anExecutorKilledInTheMiddle() {
        Program training = train(cluster, "--driver-java-options", "-Dlockstep.log.level=debug");
        StandaloneCluster.await(
                () -> read(training.err()).split(" joins as member ", -1).length > 2
                        && read(training.directory().resolve("run/metrics.jsonl"))
                                .contains("\"step\":100,"),
                () -> "two members and step 100 of " + training.what() + ", which printed " + read(training.out())
                        + read(training.err()));
        List<ProcessHandle> executors = cluster.startedByWorkers();
        assertThat(executors).hasSize(2);
        assertThat(executors.get(0).destroyForcibly()).isTrue();
        JsonNode summary = summary(training);
        assertThat(summary.path("weights_sha256").asText()).isEqualTo(expectedSha256);
        assertThat(summary.path("workers_lost").asInt()).isEqualTo(1);
        assertThat(summary.path("workers_joined").asInt()).isGreaterThanOrEqualTo(2);
    }

    private static String read(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void startAgainAndWrongUsage() {
        Outcome again = cluster.standalone("start");
        assertThat(again.status()).as(again.toString()).isZero();
        assertThat(again.out()).startsWith("already running").contains("workers  2\n");
        assertThat(cluster.standalone("status").status()).isZero();
        for (Object[] options :
                new Object[][] {{"--workers", "0"}, {"--cores"}, {"--memory", "much"}, {"--port", "1"}}) {
            Outcome wrong = cluster.standalone("start", options);
            assertThat(wrong.status()).as(wrong.toString()).isEqualTo(2);
            assertThat(wrong.err()).startsWith("standalone: --").hasLineCount(1);
        }
        assertThat(cluster.standalone("restart").status()).isEqualTo(2);
    }
}
