package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.LearningRate.Schedule;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.LocalGradientSource;
import dev.lockstep.step.SmallSet;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** A run that dies or is stopped, however often and wherever, and is resumed ends with the bits of one that is not. */
@AddLifecycleHook(LeakCheck.class)
class ResumeProperties {
    private static final int STEPS = 30;
    private static Path directory;

    /**
     * A run, and the steps after which it ends too early, one after the other.
     *
     * @param ends steps; negative where the run is asked to stop, and so saves its state, instead of dying
     */
    private record Case(TestConfig settings, List<Integer> ends) {
        @Override
        public String toString() {
            return settings.build() + " ends after steps " + ends;
        }
    }

    /** What must be the same. */
    private record End(String weightsSha256, long steps, long bestStep, double loss, double testLoss) {}

    @BeforeContainer
    static void write() throws IOException {
        directory = Files.createTempDirectory("lockstep-resume");
        SmallSet.in(directory, Storage.PLAIN);
    }

    @AfterContainer
    static void delete() throws IOException {
        deleteTree(directory);
    }

    private static void deleteTree(Path root) throws IOException {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Provide
    Arbitrary<Case> cases() {
        return Combinators.combine(
                        Arbitraries.of(UpdateRule.class),
                        Arbitraries.of(Sampling.class),
                        Arbitraries.of(Schedule.class),
                        Arbitraries.integers().between(2, 12), // checkpoint every
                        Arbitraries.integers().between(1, 9), // evaluate every
                        Arbitraries.of(0, 1, 3), // patience
                        Arbitraries.integers().between(1, 3), // checkpoints kept
                        Arbitraries.integers()
                                .between(-STEPS, STEPS)
                                .filter(end -> end != 0)
                                .list()
                                .ofMinSize(1)
                                .ofMaxSize(3))
                .as(ResumeProperties::makeCase);
    }

    private static Case makeCase(
            UpdateRule rule,
            Sampling sampling,
            Schedule schedule,
            int checkpointEvery,
            int evaluateEvery,
            int patience,
            int keep,
            List<Integer> ends) {
        TestConfig settings = new TestConfig();
        settings.rule = rule;
        settings.sampling = sampling;
        settings.schedule = schedule;
        settings.checkpointEvery = checkpointEvery;
        settings.evaluateEvery = OptionalLong.of(evaluateEvery);
        settings.patience = patience;
        settings.validationFraction = patience == 0 ? 0 : 0.2;
        settings.keepCheckpoints = keep;
        settings.iterations = STEPS;
        settings.learningRate = 0.9f; // noisy enough for early stopping to have something to do
        return new Case(settings, ends);
    }

    /** Trains to the end, or until the witness ends it: then there is no end. */
    private static Optional<End> run(TrainingConfig config, Path checkpoints, boolean resume, Witness witness) {
        LabelledImages test = new SmallSet(directory).open(LabelledImages.TEST);
        StepPlan plan = config.plan(new SmallSet(directory).open(LabelledImages.TRAIN), test, KernelChoice.AUTO);
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = SmallSet.initial(plan)) {
            RunCheckpoints store = new RunCheckpoints(
                    SmallSet.conf(), new org.apache.hadoop.fs.Path(checkpoints.toUri()), config, source.data());
            try (Trainer trainer = new Trainer(config, plan, source, weights, Optional.of(store))) {
                witness.stopBy(trainer::requestStop);
                TrainingResult result = trainer.train(resume ? trainer.resume(witness) : 0, witness);
                Evaluation end = result.evaluation();
                return Optional.of(new End(
                        weights.sha256(),
                        result.steps(),
                        end.step(),
                        end.train().lossSum(),
                        end.test().lossSum()));
            }
        } catch (Witness.Crash | TrainingStoppedException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Property(seed = "17", tries = 20, edgeCases = EdgeCasesMode.NONE)
    void interruptionsChangeNothing(@ForAll("cases") Case c) throws IOException {
        TrainingConfig config = c.settings.build();
        Path undisturbed = Files.createTempDirectory(directory, "a");
        Path disturbed = Files.createTempDirectory(directory, "b");
        Witness all = new Witness();
        End expected = run(config, undisturbed, false, all).orElseThrow();
        Optional<End> found = Optional.empty();
        List<Witness> lives = new ArrayList<>();
        for (int end : c.ends) {
            lives.add(new Witness(end));
            found = run(config, disturbed, lives.size() > 1, lives.get(lives.size() - 1));
        }
        if (found.isEmpty()) {
            lives.add(new Witness());
            found = run(config, disturbed, true, lives.get(lives.size() - 1));
        }
        assertThat(found).contains(expected);
        for (Witness life : lives) {
            for (TrainingListener.StepReport report : life.steps) {
                assertThat(report)
                        .usingRecursiveComparison()
                        .ignoringFields("nanos")
                        .isEqualTo(all.steps.get((int) report.step() - 1));
            }
        }
        deleteTree(undisturbed);
        deleteTree(disturbed);
    }

    /** A finished run that is resumed with more iterations: the bits of one that was that long from the start. */
    @Property(seed = "18", tries = 15, edgeCases = EdgeCasesMode.NONE)
    void aRunCanBeMadeLonger(@ForAll("cases") Case c) throws IOException {
        // The shorter run ends where a checkpoint, an evaluation and its end meet.
        c.settings.evaluateEvery = OptionalLong.of(c.settings.checkpointEvery);
        if (c.settings.schedule == Schedule.COSINE) {
            c.settings.schedule = Schedule.STEP; // a cosine belongs to its length
        }
        Path once = Files.createTempDirectory(directory, "a");
        Path twice = Files.createTempDirectory(directory, "b");
        TrainingConfig longer = c.settings.build();
        End expected = run(longer, once, false, new Witness()).orElseThrow();
        c.settings.iterations = Math.abs(c.ends.get(0)) / (int) c.settings.checkpointEvery * c.settings.checkpointEvery;
        run(c.settings.build(), twice, false, new Witness()).orElseThrow();
        assertThat(run(longer, twice, true, new Witness())).contains(expected);
        deleteTree(once);
        deleteTree(twice);
    }
}
