package dev.lockstep.ml;

import dev.lockstep.train.Evaluation;
import dev.lockstep.train.TrainingListener;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps what {@link TwoLayerTrainingSummary} shows of a run, and logs what a person should know. */
final class TrainingHistory implements TrainingListener {
    private static final Logger LOG = LoggerFactory.getLogger(TrainingHistory.class);

    /**
     * How the network did after some steps.
     *
     * @param validationLoss NaN if nothing is held out, and so is the accuracy
     */
    record Point(long step, double trainLoss, double trainAccuracy, double validationLoss, double validationAccuracy) {
        static Point of(Evaluation evaluation) {
            return new Point(
                    evaluation.step(),
                    evaluation.train().meanLoss(),
                    evaluation.train().accuracy(),
                    evaluation.validation().map(score -> score.meanLoss()).orElse(Double.NaN),
                    evaluation.validation().map(score -> score.accuracy()).orElse(Double.NaN));
        }
    }

    private final List<Point> points = new ArrayList<>();

    @Override
    public void evaluated(Evaluation evaluation) {
        points.add(Point.of(evaluation));
    }

    @Override
    public void warned(String message) {
        LOG.warn("{}", message);
    }

    List<Point> points() {
        return points;
    }
}
