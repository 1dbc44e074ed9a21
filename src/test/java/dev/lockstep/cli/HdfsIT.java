package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.cluster.HdfsCluster;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything by hdfs:// URIs, on a real HDFS with two data nodes, gives the bits and files that local paths give. */
class HdfsIT {

    @TempDir
    Path directory;

    private Path local;
    private HdfsCluster hdfs;
    private Programs programs;

    @BeforeEach
    void start() throws IOException {
        programs = new Programs(Files.createDirectory(directory.resolve("processes")));
        local = Files.createDirectory(directory.resolve("data"));
        IdxWriter.random(1, 4000, 14, 14, 10, 0.3).write(local, "train", Storage.PLAIN);
        IdxWriter.random(2, 1000, 14, 14, 10, 0.3).write(local, "t10k", Storage.PLAIN);
        hdfs = new HdfsCluster(directory.resolve("hdfs"));
        hdfs.put(local, "/data");
    }

    @AfterEach
    void stop() throws IOException {
        hdfs.close();
    }

    private static Object[] train(Object data, Object out, long iterations, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of("train", "--data", data, "--out", out, "--iterations", iterations));
        words.addAll(List.of("--optimizer", "nesterov", "--sampling", "epoch"));
        words.addAll(Arrays.asList(more));
        return words.toArray();
    }

    private Outcome untouched(long iterations) {
        return InProcess.run(train(local, directory.resolve("untouched"), iterations, "--engine", "local"))
                .succeeded();
    }

    private JsonNode json(String path) throws IOException {
        return new ObjectMapper().readTree(hdfs.bytes(path));
    }

    @Test
    void trainCheckpointResumeEvaluatePredictAndExport() throws IOException {
        Outcome untouched = untouched(120);
        String data = hdfs.uri("/data");
        String run = hdfs.uri("/runs/1");
        InProcess.run(train(data, run, 60, "--checkpoint-every", 20)).succeeded();
        Outcome resumed = InProcess.run(train(data, run, 120, "--checkpoint-every", 20, "--resume"))
                .succeeded();
        assertThat(resumed.weightsSha256()).isEqualTo(untouched.weightsSha256());
        assertThat(hdfs.names("/runs/1"))
                .containsExactly("checkpoints", "metrics.jsonl", "model.safetensors", "report.html", "summary.json");
        assertThat(hdfs.names("/runs/1/checkpoints"))
                .containsExactly(
                        "step-000000000080.safetensors",
                        "step-000000000100.safetensors",
                        "step-000000000120.safetensors");
        assertThat(json("/runs/1/summary.json").path("steps_in_this_process").asInt())
                .isEqualTo(60);

        InProcess.run(
                        "evaluate",
                        "--model",
                        run + "/model.safetensors",
                        "--data",
                        data,
                        "--out",
                        hdfs.uri("/runs/1/metrics.json"))
                .succeeded();
        assertThat(json("/runs/1/metrics.json").path("accuracy").asDouble())
                .isEqualTo(json("/runs/1/summary.json").path("test_accuracy").asDouble());
        predict(run + "/model.safetensors", data, hdfs.uri("/runs/1/predictions"));
        predict(run + "/model.safetensors", local, directory.resolve("predictions"));
        assertThat(rows(
                        hdfs.names("/runs/1/predictions"),
                        name -> hdfs.bytes("/runs/1/predictions/" + name),
                        hdfs.uri("/data")))
                .hasSize(5000)
                .isEqualTo(rows(
                        Snapshot.names(directory.resolve("predictions")),
                        name -> Files.readAllBytes(
                                directory.resolve("predictions").resolve(name)),
                        "file:" + local));
        assertThat(hdfs.names("/runs/1"))
                .containsExactly(
                        "checkpoints",
                        "metrics.json",
                        "metrics.jsonl",
                        "model.safetensors",
                        "predictions",
                        "report.html",
                        "summary.json");
        Object[] export = {"export", "--format", "npz", "--model", run + "/model.safetensors", "--out", ""};
        export[6] = hdfs.uri("/runs/1/model.npz");
        InProcess.run(export).succeeded();
        export[4] = directory.resolve("untouched/model.safetensors");
        export[6] = directory.resolve("model.npz");
        InProcess.run(export).succeeded();
        assertThat(hdfs.bytes("/runs/1/model.npz")).isEqualTo(Files.readAllBytes(directory.resolve("model.npz")));
    }

    private static void predict(Object model, Object data, Object out) {
        InProcess.run("predict", "--model", model, "--data", data, "--out", out, "--format", "csv")
                .succeeded();
    }

    /** Bytes by name. */
    @FunctionalInterface
    private interface Bytes {
        byte[] of(String name) throws IOException;
    }

    /** The rows of all parts, without the place of the data. */
    private static List<String> rows(List<String> names, Bytes bytes, String data) throws IOException {
        List<String> rows = new ArrayList<>();
        for (String name :
                names.stream().filter(name -> name.startsWith("part-")).toList()) {
            String text = new String(bytes.of(name), StandardCharsets.UTF_8);
            text.lines().skip(1).map(row -> row.replace(data, "")).forEach(rows::add);
        }
        return rows;
    }

    /**
     * Four tasks that read whole files each would cost four times as much. The report at the run's end is drawn from what
     * the run left, and shows images of the test files: these the driver reads once more, never the training files.
     */
    @Test
    void allTasksTogetherReadTheFilesOnce() throws IOException {
        long before = hdfs.bytesSent();
        InProcess.run(train(hdfs.uri("/data"), hdfs.uri("/run"), 2, "--engine", "job", "--tasks", 4))
                .succeeded();
        long trainBytes = lengths("/data", "train-");
        long testBytes = lengths("/data", "t10k-");
        long leftBytes = lengths("/run", "model.", "summary.", "metrics.");
        long readHere = trainBytes + testBytes + leftBytes;
        long byReport = testBytes + leftBytes;
        assertThat(hdfs.bytesSent() - before - readHere - byReport)
                .isBetween(trainBytes + testBytes, (trainBytes + testBytes) * 11 / 10);
    }

    /** Bytes of the files of a directory whose names begin so; reads each once. */
    private long lengths(String parent, String... prefixes) throws IOException {
        long bytes = 0;
        for (String name : hdfs.names(parent)) {
            if (Arrays.stream(prefixes).anyMatch(name::startsWith)) {
                bytes += hdfs.bytes(parent + "/" + name).length;
            }
        }
        assertThat(bytes).as(parent + " " + List.of(prefixes)).isPositive();
        return bytes;
    }

    @Test
    void aDataNodeStoppedInMidRunChangesNothing() throws IOException {
        // As on any cluster of two nodes: a client that asks for three replicas gives up a file that it flushes when
        // one
        // goes and no third is there to take its place.
        Programs.Running running = programs.startLockstep(Stream.concat(
                        Stream.of("--master", "local[2]", "--conf", "spark.ui.enabled=false"),
                        Stream.concat(
                                Stream.of("--conf", "spark.hadoop.dfs.replication=2"),
                                Stream.of(train(
                                        hdfs.uri("/data"),
                                        hdfs.uri("/run"),
                                        200,
                                        "--checkpoint-every",
                                        2,
                                        "--log-every",
                                        1))))
                .toArray());
        running.await("no checkpoint", this::hasCheckpoint);
        hdfs.stopDataNode(1);
        assertThat(hdfs.names("/run")).as("the run goes on").doesNotContain("summary.json");
        Outcome outcome = running.outcome().succeeded();
        assertThat(outcome.weightsSha256()).isEqualTo(untouched(200).weightsSha256());
        JsonNode summary = json("/run/summary.json");
        assertThat(summary.path("checkpoints_failed").asInt(-1)).isZero();
        assertThat(summary.path("checkpoints_written").asInt()).isEqualTo(100);
        assertThat(summary.path("metrics_lines_lost").asInt(-1)).isZero();
        programs.startOnSpark("evaluate", "--model", hdfs.uri("/run/model.safetensors"), "--data", hdfs.uri("/data"))
                .outcome()
                .succeeded();
    }

    @Test
    void safeModeEndsARunWhoseCheckpointsAreRequired() throws IOException {
        Programs.Running running = programs.startOnSpark(train(
                hdfs.uri("/data"), hdfs.uri("/run"), 1_000_000, "--checkpoint-every", 2, "--checkpoint-required"));
        running.await("no checkpoint", this::hasCheckpoint);
        hdfs.safeMode(true);
        Outcome ended = running.outcome();
        assertThat(ended.status()).as(ended.err()).isEqualTo(1);
        assertThat(ended.errLines())
                .last()
                .asString()
                .contains("lockstep: ", "no checkpoint of step ", "safe mode", "(--checkpoint-required)");
        programs.startOnSpark(train(hdfs.uri("/data"), hdfs.uri("/run"), 10, "--resume"))
                .outcome()
                .refused("--out " + hdfs.uri("/run"), "safe mode");
        hdfs.safeMode(false);
        List<String> left = hdfs.names("/run/checkpoints");
        long newest = Long.parseLong(left.get(left.size() - 1).replaceAll("\\D", ""));
        Outcome resumed = programs.startOnSpark(train(hdfs.uri("/data"), hdfs.uri("/run"), newest + 30, "--resume"))
                .outcome()
                .succeeded();
        assertThat(resumed.weightsSha256()).isEqualTo(untouched(newest + 30).weightsSha256());
    }

    private boolean hasCheckpoint() throws IOException {
        return hdfs.names("/run/checkpoints").stream().anyMatch(name -> name.startsWith("step-"));
    }
}
