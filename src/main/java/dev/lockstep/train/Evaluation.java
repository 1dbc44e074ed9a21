package dev.lockstep.train;

import dev.lockstep.net.Score;
import java.util.Optional;

/**
 * How the network does after some steps.
 *
 * @param step steps done
 * @param epoch passes over the training examples done
 * @param train score on the training examples
 * @param validation score on the held-out examples, if any are
 * @param test score on the test examples
 */
public record Evaluation(long step, double epoch, Score train, Optional<Score> validation, Score test) {
    /** Training accuracy minus test accuracy: over-fitting, when it grows. */
    public double gap() {
        return train.accuracy() - test.accuracy();
    }
}
