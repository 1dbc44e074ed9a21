package dev.lockstep.optim;

import java.io.Serializable;

/**
 * The learning rate of each step.
 *
 * @param base the rate that the schedule starts from, after warm-up
 * @param schedule how it falls
 * @param warmupSteps steps over which it first rises in a line from base / warmupSteps to base; 0 for none
 * @param decayEvery for {@link Schedule#STEP}: steps after which it falls
 * @param decayFactor for {@link Schedule#STEP}: what it is multiplied by then
 * @param totalSteps steps of the whole run, at whose end {@link Schedule#COSINE} reaches zero
 */
public record LearningRate(
        float base, Schedule schedule, long warmupSteps, long decayEvery, float decayFactor, long totalSteps)
        implements Serializable {

    /** How the learning rate falls during a run. */
    public enum Schedule {
        /** It stays. */
        CONSTANT,
        /** It is multiplied by a factor every so many steps. */
        STEP,
        /** It follows half a cosine wave from base to zero (Loshchilov and Hutter 2017, without restarts). */
        COSINE
    }

    /** The rate of a step, counted from 0. */
    public float at(long step) {
        if (step < warmupSteps) {
            return base * (step + 1) / warmupSteps;
        }
        long after = step - warmupSteps;
        return switch (schedule) {
            case CONSTANT -> base;
            case STEP -> (float) (base * StrictMath.pow(decayFactor, after / decayEvery));
            case COSINE -> {
                double share = (double) after / Math.max(1, totalSteps - warmupSteps);
                yield (float) (base * (1 + StrictMath.cos(Math.PI * Math.min(1, share))) / 2);
            }
        };
    }
}
