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
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;

/**
 * The training loop: synchronous stochastic gradient descent. Each step takes the gradient of its mini-batch at the
 * current weights from the source, and updates the weights with it. One thread.
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
    private final long totalSteps;
    private final long evaluateEvery;
    private final long checkpointEvery;
    private final boolean hasValidation;
    private volatile boolean stopRequested;
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
        this.totalSteps = config.totalSteps(plan);
        this.evaluateEvery = config.watching().evaluateEvery().orElse(stepsPerEpoch);
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
     * @throws TrainingStoppedException after {@link #requestStop}, or when Spark's job was cancelled
     * @throws IOException if a checkpoint cannot be written
     */
    public TrainingResult train(long firstStep, TrainingListener listener) throws IOException {
        StepClock clock = new StepClock(Math.max(1, totalSteps - firstStep));
        double loss = Double.NaN;
        long step = firstStep;
        while (step < totalSteps && !isEarlyStop()) {
            if (stopRequested) {
                throw stopped(step);
            }
            clock.begin();
            GradientPart gradient;
            try {
                gradient = source.gradient(step, weights);
            } catch (StageEndedException e) {
                TrainingStoppedException stopped = stopped(step);
                throw e.isCancelled() ? stopped : e;
            }
            loss = gradient.lossSum() / gradient.rows();
            float rate = learningRate.at(step);
            requireFinite(step, loss, rate);
            optimizer.apply(rate, gradient.values(), weights);
            clock.end();

            step++;
            listener.stepDone(new TrainingListener.StepReport(step, loss, rate));
            if (step % evaluateEvery == 0) {
                evaluate(step, listener);
            }
            if (checkpointEvery > 0 && step % checkpointEvery == 0) {
                checkpoint(step);
            }
        }
        return finish(step, loss, clock.times(), listener);
    }

    /** Asks the training thread to stop after the step under way. Any thread. */
    public void requestStop() {
        stopRequested = true;
    }

    private boolean isEarlyStop() {
        return earlyStopping.isPresent() && earlyStopping.get().isOver();
    }

    /** Saves what is needed to go on later. */
    private TrainingStoppedException stopped(long step) throws IOException {
        checkpoint(step);
        return new TrainingStoppedException(step, lastCheckpoint());
    }

    private TrainingResult finish(long step, double lastLoss, StepTimes times, TrainingListener listener) {
        requireFiniteWeights(step);
        boolean isEvaluated = latest != null && latest.step() == step;
        Evaluation evaluation = isEvaluated ? latest : evaluate(step, listener);
        if (earlyStopping.isPresent() && earlyStopping.get().bestStep() != step) {
            long best = earlyStopping.get().bestStep();
            weights.copyFrom(earlyStopping.get().best());
            listener.warned("keeping the weights of step " + best + ", which had the lowest validation loss");
            evaluation = score(best);
        }
        return new TrainingResult(step, lastLoss, evaluation, times);
    }

    /** Scores all splits, tells the listener, and looks at what early stopping and over-fitting want to know. */
    private Evaluation evaluate(long step, TrainingListener listener) {
        Evaluation evaluation = score(step);
        latest = evaluation;
        listener.evaluated(evaluation);
        if (earlyStopping.isPresent()) {
            earlyStopping
                    .get()
                    .evaluated(step, evaluation.validation().orElseThrow().meanLoss(), weights);
        }
        nameGap(evaluation, listener);
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

    private void checkpoint(long step) throws IOException {
        requireFiniteWeights(step);
        if (checkpoints.isPresent()) {
            checkpoints.get().save(step, weights, optimizer, earlyStopping);
        }
    }

    private void requireFinite(long step, double loss, float rate) {
        if (!Double.isFinite(loss)) {
            throw new DivergedException(step, "the loss is " + loss, rate, lastCheckpoint());
        }
    }

    /** An update can overflow before any loss shows it; such weights are neither saved nor called a result. */
    private void requireFiniteWeights(long step) {
        for (int i = 0; i < weights.all().length(); i++) {
            if (!Float.isFinite(weights.all().get(i))) {
                throw new DivergedException(
                        step, "a weight is " + weights.all().get(i), learningRate.at(step), lastCheckpoint());
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
