package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.util.concurrent.CompletableFuture;

/** A source whose gradients, losses and scores a test makes up. */
public final class ScriptedSource implements GradientSource {
    /** Makes up a step. */
    public interface Gradients {
        /**
         * @param gradient receives the gradient; all zeros before
         * @return the loss
         */
        double of(long step, Parameters weights, Parameters gradient);
    }

    /** Makes up a score. */
    public interface Scores {
        /** The score of a split. */
        Score of(Split split, Parameters weights);
    }

    private final GradientPart part;
    private final Gradients gradients;
    private final Scores scores;
    private boolean isElsewhere;

    /** A source for networks of a shape. */
    public ScriptedSource(NetworkShape shape, Gradients gradients, Scores scores) {
        this.part = new GradientPart(0, 1, new Parameters(shape));
        this.gradients = gradients;
        this.scores = scores;
    }

    /**
     * A score of 1000 examples of two classes.
     *
     * @param correct how many of them are taken for what they are
     */
    public static Score score(int correct, double meanLoss) {
        Score score = new Score(2);
        for (int i = 0; i < 1000; i++) {
            score.add(0, i < correct ? 0 : 1, meanLoss);
        }
        return score;
    }

    @Override
    public GradientPart gradient(long step, Parameters weights) {
        part.values().all().fill(0f);
        part.set(1, gradients.of(step, weights, part.values()));
        return part;
    }

    /** Steps are taken by another thread than the caller's from now on, as with workers in other processes. */
    public void stepElsewhere() {
        isElsewhere = true;
    }

    @Override
    public void steps(long first, Parameters weights, StepEnd end) {
        if (isElsewhere) {
            Runnable steps = () -> GradientSource.super.steps(first, weights, end);
            CompletableFuture.runAsync(steps, task -> new Thread(task, "elsewhere").start())
                    .join();
        } else {
            GradientSource.super.steps(first, weights, end);
        }
    }

    @Override
    public Score score(Split split, Parameters weights) {
        return scores.of(split, weights);
    }

    @Override
    public LoadReport data() {
        return new LoadReport(1, 2, 3);
    }

    @Override
    public String engine() {
        return "scripted";
    }

    @Override
    public int tasks() {
        return 1;
    }

    @Override
    public void close() {
        part.close();
    }
}
