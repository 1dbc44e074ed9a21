package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.cluster.HdfsCluster;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.ScriptedSource;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints and metrics of one run on a real HDFS to which something happens between two steps of it. */
@ExtendWith(LeakCheck.class)
@TestInstance(Lifecycle.PER_CLASS)
class HdfsCheckpointsIT {
    private final Configuration conf = new Configuration();
    private HdfsCluster hdfs;

    @BeforeAll
    void start(@TempDir java.nio.file.Path directory) throws IOException {
        hdfs = new HdfsCluster(directory);
    }

    @AfterAll
    void stop() throws IOException {
        hdfs.close();
    }

    @AfterEach
    void bringBack() throws IOException {
        hdfs.startStoppedDataNodes();
    }

    /** What happens to the cluster, after some step. */
    private interface Event {
        void after(long step) throws IOException;
    }

    /** How a run of 24 steps with a checkpoint every second one ended. */
    private record End(RunCheckpoints checkpoints, MetricsLog metrics, List<String> warnings, String sha256) {}

    private End train(String path, Event event) throws IOException {
        return train(conf, path, event);
    }

    private End train(Configuration conf, String path, Event event) throws IOException {
        TestConfig settings = new TestConfig();
        settings.checkpointEvery = 2;
        TrainingConfig config = settings.build();
        StepPlan plan = TestConfig.unreadPlan(config);
        Witness witness = new Witness();
        RunDirectory run = RunDirectory.at(conf, hdfs.uri(path), false);
        run.create(false);
        try (GradientSource source = new ScriptedSource(plan.shape(), HdfsCheckpointsIT::some, (split, weights) -> {
                    return ScriptedSource.score(600, 1);
                });
                Parameters weights = new Parameters(plan.shape())) {
            RunCheckpoints checkpoints = new RunCheckpoints(conf, run.checkpoints(), config, source.data());
            try (MetricsLog metrics = new MetricsLog(run.openMetrics(0), 1, witness::warned);
                    Trainer trainer = new Trainer(config, plan, source, weights, Optional.of(checkpoints))) {
                trainer.train(0, new TrainingListener() {
                    @Override
                    public void stepDone(StepReport report) {
                        metrics.stepDone(report);
                        try {
                            event.after(report.step());
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    }

                    @Override
                    public void warned(String message) {
                        witness.warned(message);
                    }
                });
                return new End(checkpoints, metrics, witness.warnings, weights.sha256());
            }
        }
    }

    private static double some(long step, Parameters weights, Parameters gradient) {
        gradient.set(ParameterTensor.W1, 0, 1f / (step + 1));
        return 2;
    }

    /** A client with a setting of its own, which would not be looked at if there was one to share. */
    private static Configuration client(String key, int value) {
        Configuration conf = new Configuration();
        conf.setInt(key, value);
        conf.setBoolean("fs.hdfs.impl.disable.cache", true);
        return conf;
    }

    private List<String> checkpointsIn(String path) throws IOException {
        return hdfs.names(path + "/checkpoints");
    }

    private Checkpoint newestIn(String path) throws IOException {
        return newestIn(conf, path);
    }

    private Checkpoint newestIn(Configuration conf, String path) throws IOException {
        return new CheckpointStore(conf, new Path(hdfs.uri(path + "/checkpoints")), 3)
                .newest(warning -> {
                    throw new AssertionError(warning);
                })
                .orElseThrow();
    }

    /** Safe mode from step 8 to step 17; each step's line is flushed, so that the log is on the data nodes already. */
    @Test
    void inSafeModeTheRunGoesOnAndCheckpointsAreMissed() throws IOException {
        End end = train("/safe", step -> {
            if (step == 8 || step == 18) {
                hdfs.safeMode(step == 8);
            }
            if (step == 17) {
                assertThat(checkpointsIn("/safe")).last().isEqualTo("step-000000000006.safetensors");
                assertThat(newestIn("/safe").step()).isEqualTo(6);
            }
        });
        assertThat(end.checkpoints().failed()).isEqualTo(5);
        assertThat(end.checkpoints().written()).isEqualTo(7);
        assertThat(end.warnings())
                .hasSize(3)
                .allSatisfy(warning -> assertThat(warning)
                        .contains("no checkpoint of step", "Name node is in safe mode")
                        .doesNotContain("\n"));
        assertThat(checkpointsIn("/safe"))
                .containsExactly(
                        "step-000000000020.safetensors",
                        "step-000000000022.safetensors",
                        "step-000000000024.safetensors");
        assertThat(newestIn("/safe").step()).isEqualTo(24);
        assertThat(end.metrics().linesLost()).isZero();
        assertThat(new String(hdfs.bytes("/safe/metrics.jsonl"), StandardCharsets.UTF_8).lines())
                .hasSize(24);
    }

    /** The log's stream and every checkpoint after that are written to one node, without anybody noticing. */
    @Test
    void aDataNodeThatIsStoppedCostsNothing() throws IOException {
        End end = train("/node", step -> {
            if (step == 9) {
                hdfs.stopDataNode(0);
            }
        });
        assertThat(end.warnings()).isEmpty();
        assertThat(end.checkpoints().failed()).isZero();
        assertThat(end.checkpoints().written()).isEqualTo(12);
        assertThat(end.metrics().linesLost()).isZero();
        assertThat(newestIn("/node").step()).isEqualTo(24);
        assertThat(hdfs.bytes("/node/metrics.jsonl")).hasSizeGreaterThan(24 * 20);
    }

    /** A client that asks for three replicas, as is the default, cannot go on with a file that it flushes. */
    @Test
    void metricsGoOnWhenTooFewDataNodesAreLeftForTheirReplicas() throws IOException {
        Configuration demanding = client("dfs.replication", 3);
        End end = train(demanding, "/replicas", step -> {
            if (step == 9) {
                hdfs.stopDataNode(0);
            }
        });
        assertThat(end.warnings())
                .singleElement()
                .asString()
                .startsWith("metrics.jsonl broke off and was begun again with 9 of its 9 lines: ")
                .contains("replace a bad datanode")
                .doesNotContain("\n");
        assertThat(end.metrics().linesLost()).isZero();
        assertThat(end.checkpoints().failed()).isZero();
        String text = new String(hdfs.bytes("/replicas/metrics.jsonl"), StandardCharsets.UTF_8);
        ObjectMapper json = new ObjectMapper();
        List<Long> steps = new ArrayList<>();
        for (String line : text.lines().toList()) {
            steps.add(json.readTree(line).path("step").asLong());
        }
        assertThat(steps).isEqualTo(LongStream.rangeClosed(1, 24).boxed().toList());
        assertThat(hdfs.names("/replicas")).containsExactly("checkpoints", "metrics.jsonl");
    }

    /** The newest two are on one data node, which is away, those before on both. */
    @Test
    @Timeout(60)
    void aCheckpointWhoseDataNodesAreAwayIsNamedInTimeAndStaysForLater() throws IOException {
        train("/away", step -> {
            if (step == 21) {
                hdfs.stopDataNode(0);
            }
        });
        hdfs.stopDataNode(0); // the other one, before it can give what it alone has to the first
        hdfs.startFirstStoppedDataNode();
        String newest = hdfs.uri("/away/checkpoints/step-000000000024.safetensors");
        Configuration impatient = client("dfs.client.retry.window.base", 300); // a tenth of the default
        assertThatThrownBy(() -> newestIn(impatient, "/away"))
                .isInstanceOf(UnreadableCheckpointException.class)
                .hasMessageStartingWith("--resume: " + newest + " cannot be read now, and may be whole: ")
                .hasMessageContaining("move it away")
                .message()
                .doesNotContain("\n");
        for (String name : List.of("step-000000000024.safetensors", "step-000000000022.safetensors")) {
            Path file = new Path(hdfs.uri("/away/checkpoints/" + name));
            assertThat(hdfs.files().rename(file, new Path(hdfs.uri("/" + name))))
                    .isTrue();
        }
        assertThat(newestIn("/away").step()).isEqualTo(20);
        hdfs.startStoppedDataNodes();
        Path back = new Path(hdfs.uri("/away/checkpoints/step-000000000024.safetensors"));
        assertThat(hdfs.files().rename(new Path(hdfs.uri("/step-000000000024.safetensors")), back))
                .isTrue();
        assertThat(newestIn("/away").step()).isEqualTo(24);
    }
}
