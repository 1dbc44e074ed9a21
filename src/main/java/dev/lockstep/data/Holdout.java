package dev.lockstep.data;

import dev.lockstep.kernel.CounterRandom;
import java.io.Serializable;

/**
 * Which examples of the training files are held out for validation: the last {@code validation} places of a random
 * permutation of all examples, a pure function of the seed. Nothing is held out when {@code validation} is 0.
 *
 * @param examples examples of the training files
 * @param validation how many of them are held out
 * @param seed the run's seed
 */
public record Holdout(int examples, int validation, long seed) implements Serializable {
    private static final long STREAM = 2;

    /** Checks that at least one example is left to train with. */
    public Holdout {
        if (validation < 0 || validation >= examples) {
            throw new IllegalArgumentException(
                    "hold-out of " + validation + " of " + examples + " examples: expected 0 to " + (examples - 1));
        }
    }

    /** Examples to train with. */
    public int training() {
        return examples - validation;
    }

    /** The permutation whose last places are held out. */
    Permutation permutation() {
        return new Permutation(examples, new CounterRandom(seed, STREAM));
    }
}
