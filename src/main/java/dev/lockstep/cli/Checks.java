package dev.lockstep.cli;

import dev.lockstep.BadInputException;

/** Ranges of options. */
final class Checks {
    private Checks() {}

    static void range(String option, long value, long min, long max) {
        if (value < min || value > max) {
            throw new BadInputException(option + ": expected " + min + " to " + max + ", found " + value);
        }
    }

    static void range(String option, double value, double min, double max) {
        if (!(value >= min && value <= max)) {
            throw new BadInputException(option + ": expected " + min + " to " + max + ", found " + value);
        }
    }
}
