package dev.lockstep.tune;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Split;
import dev.lockstep.files.SafetensorsFile;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.GradientPart;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.LoadReport;
import dev.lockstep.step.SharedShards;
import dev.lockstep.train.CheckpointBytes;
import dev.lockstep.train.DivergedException;
import dev.lockstep.train.RunCheckpoints;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingResult;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.TaskKilledException;

/**
 * One rung of one trial, in the calling thread: the training loop, checkpoints and engine {@code local} of {@code train}, so that
 * the weights are those that the command gives. It goes on from the state that the rung before left, and leaves its own.
 */
final class TrialTask {
    private static final double NANOS_PER_SECOND = 1e9;

    /** Looks whether the task is to end, and tells nobody anything. */
    private record Watch(BooleanSupplier isKilled) implements TrainingListener {
        @Override
        public void stepDone(StepReport report) {
            if (isKilled.getAsBoolean()) {
                throw new TaskKilledException("the search was stopped");
            }
        }
    }

    /** Gradients without a look at the test examples, which are not to have a say in the search. */
    private record Unseen(GradientSource source, int classes) implements GradientSource {
        @Override
        public GradientPart gradient(long step, Parameters weights) {
            return source.gradient(step, weights);
        }

        @Override
        public Score score(Split split, Parameters weights) {
            return split == Split.TEST ? new Score(classes) : source.score(split, weights);
        }

        @Override
        public LoadReport data() {
            return source.data();
        }

        @Override
        public String engine() {
            return source.engine();
        }

        @Override
        public int tasks() {
            return source.tasks();
        }

        @Override
        public void close() {
            source.close();
        }
    }

    private final Trial trial;
    private final long steps;
    private final TrainingConfig config;

    /** @param steps at the end of the rung, counted from the trial's beginning */
    TrialTask(Trial trial, long steps) {
        this.trial = trial;
        this.steps = steps;
        TrainingConfig.Watching asked = trial.config().watching();
        boolean isWatched = trial.config().length().patience() > 0;
        this.config = new TrainingConfig(
                        trial.config().data(),
                        trial.config().seed(),
                        trial.config().network(),
                        trial.config().batches(),
                        trial.config().updates(),
                        trial.config().length(),
                        new TrainingConfig.Watching(
                                // Evaluations on the way change nothing unless early stopping looks at them.
                                isWatched ? asked.evaluateEvery() : OptionalLong.of(Long.MAX_VALUE),
                                asked.logEvery(),
                                0,
                                1,
                                true))
                .stopAfter(steps);
    }

    /**
     * Trains.
     *
     * @param state that the rung before left; null to begin at the beginning
     * @param isKilled asked after every step
     * @throws BadInputException if the data are damaged, or are not those of the state
     * @throws TaskKilledException if the task is to end
     */
    TrialEnd run(SharedShards shards, Configuration hadoop, byte[] state, BooleanSupplier isKilled) {
        try (GradientSource source = shards.open(hadoop, trial.plan())) {
            long began = System.nanoTime(); // whoever comes first loads the data for all
            LoadReport data = source.data();
            try {
                return train(new Unseen(source, trial.plan().shape().outputs()), state, new Watch(isKilled), began);
            } catch (DivergedException e) {
                return wrong(TrialEnd.Status.DIVERGED, e, began, data);
            } catch (TaskKilledException | BadInputException e) {
                throw e;
            } catch (RuntimeException | OutOfMemoryError e) { // one trial's trouble is not the others'
                return wrong(TrialEnd.Status.FAILED, e, began, data);
            }
        }
    }

    private TrialEnd train(GradientSource source, byte[] state, TrainingListener listener, long began) {
        CheckpointBytes memory = new CheckpointBytes("trial " + trial.number(), state);
        RunCheckpoints checkpoints = new RunCheckpoints(memory, config, source.data());
        try (Parameters weights = new Parameters(trial.plan().shape())) {
            config.network().init().initialize(weights, config.network().initStd(), config.seed());
            try (Trainer trainer = new Trainer(config, trial.plan(), source, weights, Optional.of(checkpoints))) {
                long firstStep = state == null ? 0 : trainer.resume(listener);
                TrainingResult result = trainer.train(firstStep, listener);
                return new TrialEnd(
                        trial.number(),
                        steps,
                        TrialEnd.Status.DONE,
                        "",
                        TrialEnd.Figures.of(result.evaluation().train()),
                        TrialEnd.Figures.of(result.evaluation().validation().orElseThrow()),
                        weights.sha256(),
                        result.evaluation().step(),
                        seconds(began),
                        source.data(),
                        steps < trial.totalSteps() ? memory.bytes().orElseThrow() : tensors(weights));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] tensors(Parameters weights) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafetensorsFile.write(out, ModelFile.tensors(weights), Map.of());
        return out.toByteArray();
    }

    private TrialEnd wrong(TrialEnd.Status status, Throwable e, long began, LoadReport data) {
        String message = BadInputException.reason(e);
        String what = message.split(";", 2)[0]; // then comes advice for who gave the numbers himself
        return TrialEnd.wrong(
                trial.number(),
                steps,
                status,
                status == TrialEnd.Status.DIVERGED ? what : e.getClass().getSimpleName() + ": " + message,
                seconds(began),
                data);
    }

    private static double seconds(long began) {
        return (System.nanoTime() - began) / NANOS_PER_SECOND;
    }
}
