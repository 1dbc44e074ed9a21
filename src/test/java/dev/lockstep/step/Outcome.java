package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.util.function.LongConsumer;

/**
 * All that a run's result consists of, to be compared bit by bit.
 *
 * @param weightsSha256 of the trained weights
 * @param losses bits of the loss of every step
 * @param scores confusion matrices, and bits of the sums of losses, on all splits
 * @param trainFingerprint of the training files
 * @param testFingerprint of the test files
 */
record Outcome(String weightsSha256, String losses, String scores, long trainFingerprint, long testFingerprint) {
    static final long STEPS = 30;

    /** Trains from the plan's initial weights, steps following each other at once, and scores the result. */
    static Outcome of(GradientSource source, StepPlan plan) {
        return of(source, plan, null);
    }

    /**
     * Trains from the plan's initial weights and scores the result.
     *
     * @param beforeStep called with the number of each step
     */
    static Outcome of(GradientSource source, StepPlan plan, LongConsumer beforeStep) {
        try (Parameters weights = SmallSet.initial(plan)) {
            String losses = SmallSet.train(source, plan, weights, STEPS, beforeStep);
            StringBuilder scores = new StringBuilder();
            for (Split split : Split.values()) {
                scores.append(split).append(text(source.score(split, weights)));
            }
            return new Outcome(
                    weights.sha256(),
                    losses,
                    scores.toString(),
                    source.data().trainFingerprint(),
                    source.data().testFingerprint());
        }
    }

    /** The outcome of the engine that runs in this process. */
    static Outcome local(StepPlan plan) {
        try (GradientSource source = new LocalGradientSource(SmallSet.conf(), plan)) {
            return of(source, plan);
        }
    }

    private static String text(Score score) {
        StringBuilder text = new StringBuilder();
        for (int label = 0; label < score.classes(); label++) {
            for (int prediction = 0; prediction < score.classes(); prediction++) {
                text.append(' ').append(score.count(label, prediction));
            }
        }
        return text.append(' ')
                .append(Double.toHexString(score.lossSum()))
                .append('\n')
                .toString();
    }
}
