package dev.lockstep.train;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.step.GradientPart;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.StageEndedException;
import dev.lockstep.step.StepPlan;
import dev.lockstep.step.WorkersMissingException;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;

/**
 * The training loop: synchronous stochastic gradient descent. Each step takes the gradient of its mini-batch at the
 * current weights from the source, and updates the weights with it. One thread; a source may end steps by another while it waits.
 */
public final class Trainer implements AutoCloseable {
    /** A gap between accuracies is named when it is this much larger than the one named last. */
    private static final double GAP_GROWTH = 0.02;

    private final GradientSource source;
    private final Parameters weights;
    private final Optimizer optimizer;
    private final LearningRate learningRate;
    private final Optional<RunCheckpoints> checkpoints;
    private final Optional<EarlyStopping> earlyStopping;
    private final long stepsPerEpoch;
    private final long lastStep;
    private final boolean isCutShort;
    private final long evaluateEvery;
    private final long logEvery;
    private final long checkpointEvery;
    private final boolean hasValidation;
    private volatile boolean stopRequested;
    private long stepsDone;
    private double lastLoss = Double.NaN;
    private TrainingListener.StepReport untold; // of the last step, until the listener has been told
    private double largestGap;
    private double lowestTestLoss = Double.POSITIVE_INFINITY;
    private Evaluation latest;

    /**
     * @param source of gradients; the caller closes it
     * @param weights initial parameters, trained in place; the caller closes them
     * @param checkpoints where checkpoints are kept; needed to write or to resume from any
     */
    public Trainer(
            TrainingConfig config,
            StepPlan plan,
            GradientSource source,
            Parameters weights,
            Optional<RunCheckpoints> checkpoints) {
        this.source = source;
        this.weights = weights;
        TrainingConfig.Updates updates = config.updates();
        this.optimizer = new Optimizer(
                updates.optimizer(), updates.momentum(), updates.weightDecay(), plan.shape(), plan.kernels());
        this.learningRate = config.learningRate(plan);
        this.checkpoints = checkpoints;
        int patience = config.length().patience();
        this.earlyStopping = patience == 0 ? Optional.empty() : Optional.of(new EarlyStopping(patience, weights));
        this.stepsPerEpoch = config.stepsPerEpoch(plan);
        this.lastStep = config.lastStep(plan);
        this.isCutShort = lastStep < config.totalSteps(plan);
        this.evaluateEvery = config.watching().evaluateEvery().orElse(stepsPerEpoch);
        this.logEvery = config.watching().logEvery();
        this.checkpointEvery = config.watching().checkpointEvery();
        this.hasValidation = plan.holdout().validation() > 0;
    }

    /**
     * Goes back to the newest checkpoint that is whole, if there is any.
     *
     * @param listener is warned of damaged checkpoints
     * @return steps that are done already, 0 without a checkpoint
     * @throws dev.lockstep.BadInputException if the checkpoint is of another configuration or of other data
     * @throws IOException if checkpoints cannot be read
     */
    public long resume(TrainingListener listener) throws IOException {
        return checkpoints.orElseThrow().restore(weights, optimizer, earlyStopping, listener);
    }

    /**
     * Trains to the end.
     *
     * @param firstStep steps that are done already
     * @throws DivergedException if the loss becomes NaN or infinite
     * @throws TrainingStoppedException after {@link #requestStop}, when Spark's job was cancelled, or when no worker came in
     *     time
     * @throws IOException if a checkpoint is required and cannot be written
     */
    public TrainingResult train(long firstStep, TrainingListener listener) throws IOException {
        stepsDone = firstStep;
        try {
            return loop(firstStep, listener);
        } catch (DivergedException | TrainingStoppedException e) {
            throw e;
        } catch (WorkersMissingException e) {
            throw stopped(listener, e);
        } catch (StageEndedException e) {
            TrainingStoppedException stopped = stopped(listener, null);
            throw e.isCancelled() ? stopped : e;
        } catch (RuntimeException | Error e) {
            // The weights are whole, whatever befell the workers: what was trained is not lost.
            try {
                checkpoint(listener);
            } catch (IOException | RuntimeException second) {
                e.addSuppressed(second);
            }
            throw e;
        }
    }

    private TrainingResult loop(long firstStep, TrainingListener listener) throws IOException {
        if (firstStep > 0 && firstStep % evaluateEvery == 0 && !isEvaluated(firstStep)) {
            evaluate(listener); // the run was stopped before it came to this
        }
        StepClock clock = new StepClock(Math.max(1, lastStep - firstStep));
        while (stepsDone < lastStep && !isEarlyStop()) {
            if (stopRequested) {
                throw stopped(listener, null);
            }
            clock.begin();
            source.steps(stepsDone, weights, gradient -> stepEnds(gradient, clock, listener));
            tell(listener);
            if (isEvaluationDue()) {
                evaluate(listener);
            }
            if (isCheckpointDue()) {
                checkpoint(listener);
            }
        }
        if (isCutShort) {
            checkpoint(listener); // before the last evaluation, which a run that goes on does not have here
        }
        return finish(clock.times(), listener);
    }

    /**
     * Updates the weights by the gradient of the step under way. Returns whether there is nothing to do before the next that
     * takes long, as writing a line to a file may: that is left to the training thread.
     */
    private boolean stepEnds(GradientPart gradient, StepClock clock, TrainingListener listener) {
        clock.gradientDone();
        lastLoss = gradient.lossSum() / gradient.rows();
        float rate = learningRate.at(stepsDone);
        requireFinite(lastLoss, rate);
        source.update(optimizer, rate, gradient, weights);
        long nanos = clock.end();

        stepsDone++;
        untold = new TrainingListener.StepReport(stepsDone, lastLoss, rate, nanos);
        boolean isLineDue = stepsDone % logEvery == 0;
        if (isLineDue || stepsDone == lastStep || isEvaluationDue() || isCheckpointDue()) {
            return false;
        }
        tell(listener);
        clock.begin();
        return !stopRequested;
    }

    private void tell(TrainingListener listener) {
        if (untold != null) {
            TrainingListener.StepReport report = untold;
            untold = null;
            listener.stepDone(report);
        }
    }

    private boolean isEvaluationDue() {
        return stepsDone % evaluateEvery == 0;
    }

    private boolean isCheckpointDue() {
        return checkpointEvery > 0 && stepsDone % checkpointEvery == 0;
    }

    /** Asks the training thread to stop after the step under way. Any thread. */
    public void requestStop() {
        stopRequested = true;
    }

    private boolean isEvaluated(long step) {
        return step > 0 && checkpoints.isPresent() && checkpoints.get().evaluatedStep() == step;
    }

    private boolean isEarlyStop() {
        return earlyStopping.isPresent() && earlyStopping.get().isOver();
    }

    /** Saves what is needed to go on later. */
    private TrainingStoppedException stopped(TrainingListener listener, RuntimeException cause) throws IOException {
        checkpoint(listener);
        return new TrainingStoppedException(stepsDone, lastCheckpoint(), cause);
    }

    private TrainingResult finish(StepTimes times, TrainingListener listener) {
        requireFiniteWeights();
        long step = stepsDone;
        Evaluation evaluation;
        if (latest != null && latest.step() == step) {
            evaluation = latest;
        } else {
            // What was evaluated before the run was resumed has been logged and counted then.
            evaluation = isEvaluated(step) ? score(step) : evaluate(listener);
        }
        if (earlyStopping.isPresent() && earlyStopping.get().bestStep() != step) {
            long best = earlyStopping.get().bestStep();
            weights.copyFrom(earlyStopping.get().best());
            listener.warned("keeping the weights of step " + best + ", which had the lowest validation loss");
            evaluation = score(best);
        }
        return new TrainingResult(step, lastLoss, evaluation, times);
    }

    /** Scores all splits, tells the listener, and looks at what early stopping and over-fitting want to know. */
    private Evaluation evaluate(TrainingListener listener) {
        long step = stepsDone;
        Evaluation evaluation = score(step);
        latest = evaluation;
        listener.evaluated(evaluation);
        if (earlyStopping.isPresent()) {
            earlyStopping
                    .get()
                    .evaluated(step, evaluation.validation().orElseThrow().meanLoss(), weights);
        }
        nameGap(evaluation, listener);
        checkpoints.ifPresent(kept -> kept.evaluated(step));
        return evaluation;
    }

    /** Names a gap that has grown by more than chance explains; over-fitting it is called when the test loss rises too. */
    private void nameGap(Evaluation evaluation, TrainingListener listener) {
        double accuracy = evaluation.test().accuracy();
        double deviation =
                Math.sqrt(accuracy * (1 - accuracy) / evaluation.test().examples());
        double testLoss = evaluation.test().meanLoss();
        if (evaluation.gap() >= largestGap + Math.max(GAP_GROWTH, 2 * deviation)) {
            largestGap = evaluation.gap();
            listener.warned(String.format(
                    Locale.ROOT,
                    "step %d: training accuracy is %.1f points above test accuracy, and the gap grows%s",
                    evaluation.step(),
                    100 * largestGap,
                    testLoss > lowestTestLoss ? ": over-fitting, the test loss rises" : ""));
        }
        lowestTestLoss = Math.min(lowestTestLoss, testLoss);
    }

    private Evaluation score(long step) {
        Optional<Score> validation =
                hasValidation ? Optional.of(source.score(Split.VALIDATION, weights)) : Optional.empty();
        return new Evaluation(
                step,
                (double) step / stepsPerEpoch,
                source.score(Split.TRAIN, weights),
                validation,
                source.score(Split.TEST, weights));
    }

    private void checkpoint(TrainingListener listener) throws IOException {
        requireFiniteWeights();
        if (checkpoints.isPresent()) {
            checkpoints.get().save(stepsDone, weights, optimizer, earlyStopping, listener::warned);
        }
    }

    private void requireFinite(double loss, float rate) {
        if (!Double.isFinite(loss)) {
            throw new DivergedException(stepsDone + 1, "the loss is " + loss, rate, lastCheckpoint());
        }
    }

    /** An update can overflow before any loss shows it; such weights are neither saved nor called a result. */
    private void requireFiniteWeights() {
        for (int i = 0; i < weights.all().length(); i++) {
            float weight = weights.all().get(i);
            if (!Float.isFinite(weight)) {
                throw new DivergedException(
                        stepsDone,
                        "a weight is " + weight,
                        learningRate.at(Math.max(0, stepsDone - 1)),
                        lastCheckpoint());
            }
        }
    }

    private String lastCheckpoint() {
        return checkpoints.flatMap(RunCheckpoints::newest).orElse("none (see --checkpoint-every)");
    }

    @Override
    public void close() {
        optimizer.close();
        earlyStopping.ifPresent(EarlyStopping::close);
    }
}
