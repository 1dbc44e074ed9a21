package dev.lockstep.ml;

import dev.lockstep.step.GradientSource;
import dev.lockstep.train.TrainingResult;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** How a call of {@code fit} went. Histories have one element for each evaluation, see {@code evaluateEvery}. */
public final class TwoLayerTrainingSummary {
    private final TrainingResult result;
    private final List<TrainingHistory.Point> points;
    private final GradientSource.Counters counters;

    TwoLayerTrainingSummary(TrainingResult result, TrainingHistory history, GradientSource.Counters counters) {
        this.result = result;
        this.points = List.copyOf(history.points());
        this.counters = counters;
    }

    /** Steps done. */
    public long totalIterations() {
        return result.steps();
    }

    /** The step of the weights that were kept: the last one, or with early stopping the best. */
    public long modelStep() {
        return result.evaluation().step();
    }

    /** Steps that were done at each evaluation. */
    public long[] steps() {
        return points.stream().mapToLong(TrainingHistory.Point::step).toArray();
    }

    /** Mean loss of the training rows. */
    public double[] objectiveHistory() {
        return history(TrainingHistory.Point::trainLoss);
    }

    /** Accuracy on the training rows. */
    public double[] accuracyHistory() {
        return history(TrainingHistory.Point::trainAccuracy);
    }

    /** Mean loss of the rows held out; NaN if none are. */
    public double[] validationLossHistory() {
        return history(TrainingHistory.Point::validationLoss);
    }

    /** Accuracy on the rows held out; NaN if none are. */
    public double[] validationAccuracyHistory() {
        return history(TrainingHistory.Point::validationAccuracy);
    }

    private double[] history(ToDoubleFunction<TrainingHistory.Point> value) {
        return points.stream().mapToDouble(value).toArray();
    }

    /** Accuracy of the kept weights on the training rows. */
    public double trainAccuracy() {
        return result.evaluation().train().accuracy();
    }

    /** Seconds of all steps; evaluations are not in it. */
    public double trainingSeconds() {
        return result.times().seconds();
    }

    /** Milliseconds of a step, on average; NaN without steps. */
    public double millisPerStep() {
        return trainingSeconds() * 1e3 / result.times().steps();
    }

    /** Milliseconds of the median step. */
    public double medianMillisPerStep() {
        return result.times().millis().median();
    }

    /** Executors that went before the end and whose shards others took over. */
    public long workersLost() {
        return counters.workersLost();
    }
}
