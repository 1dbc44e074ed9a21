package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.files.FaultyFileSystem;
import dev.lockstep.files.FaultyFileSystem.Fault;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.ScriptedSource;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Checkpoints every second step, and a file system that fails from step 8 to step 17: five of them. */
@ExtendWith(LeakCheck.class)
class CheckpointFailuresTest {
    private final Configuration conf = FaultyFileSystem.configuration(Fault.NONE);
    private final TestConfig settings = new TestConfig();
    private final Witness witness = new Witness();

    @TempDir
    java.nio.file.Path directory;

    private RunCheckpoints checkpoints;

    private TrainingResult train(Fault fault) throws IOException {
        settings.checkpointEvery = 2;
        TrainingConfig config = settings.build();
        StepPlan plan = TestConfig.unreadPlan(config);
        TrainingListener faulty = new TrainingListener() {
            @Override
            public void stepDone(StepReport report) {
                conf.setEnum(FaultyFileSystem.FAULT, report.step() >= 8 && report.step() < 18 ? fault : Fault.NONE);
            }

            @Override
            public void warned(String message) {
                witness.warned(message);
            }
        };
        try (GradientSource source =
                        new ScriptedSource(plan.shape(), CheckpointFailuresTest::unit, (split, weights) -> {
                            return ScriptedSource.score(600, 1);
                        });
                Parameters weights = new Parameters(plan.shape())) {
            checkpoints = new RunCheckpoints(conf, new Path("faulty://" + directory), config, source.data());
            try (Trainer trainer = new Trainer(config, plan, source, weights, Optional.of(checkpoints))) {
                return trainer.train(0, faulty);
            }
        }
    }

    private static double unit(long step, Parameters weights, Parameters gradient) {
        gradient.set(ParameterTensor.W1, 0, 1f);
        return 2;
    }

    private List<String> names() throws IOException {
        try (Stream<java.nio.file.Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            mode = Mode.EXCLUDE,
            names = {"NONE", "DIRECTORY_APPEARS"})
    void theRunGoesOnWarnsAndCounts(Fault fault) throws IOException {
        assertThat(train(fault).steps()).isEqualTo(24);
        assertThat(checkpoints.failed()).isEqualTo(5);
        assertThat(checkpoints.written()).isEqualTo(7);
        // The first, the second and the fourth of the row.
        assertThat(witness.warnings)
                .hasSize(3)
                .allSatisfy(warning -> assertThat(warning)
                        .contains("the newest is faulty:", "step-000000000006", "the run goes on")
                        .doesNotContain("\n"));
        assertThat(witness.warnings.get(2)).contains("no checkpoint of step 14", "4 in a row");
        assertThat(names())
                .containsExactly(
                        "step-000000000020.safetensors",
                        "step-000000000022.safetensors",
                        "step-000000000024.safetensors");
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            mode = Mode.EXCLUDE,
            names = {"NONE", "DIRECTORY_APPEARS"})
    void theRunEndsWhereCheckpointsAreRequired(Fault fault) throws IOException {
        settings.checkpointRequired = true;
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> train(fault))
                .withMessageContainingAll("no checkpoint of step 8", "step-000000000006", "(--checkpoint-required)")
                .satisfies(e -> {
                    assertThat(e.getMessage()).doesNotContain("\n");
                    // It is not the user's input that is bad: the exit status is another.
                    assertThat(e).satisfies(CheckpointFailuresTest::blamesNoInput);
                });
        assertThat(names())
                .containsExactly(
                        "step-000000000002.safetensors",
                        "step-000000000004.safetensors",
                        "step-000000000006.safetensors");
    }

    private static void blamesNoInput(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            assertThat(cause).isNotInstanceOf(BadInputException.class);
        }
    }

    @Test
    void withoutAFaultNothingIsSaid() throws IOException {
        settings.checkpointRequired = true;
        train(Fault.NONE);
        assertThat(witness.warnings).isEmpty();
        assertThat(checkpoints.failed()).isZero();
        assertThat(checkpoints.written()).isEqualTo(12);
    }
}
