package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.net.NetworkShape;

/** Ranges of options. */
final class Checks {
    /** What one off-heap block can hold. */
    private static final long BLOCK_BYTES = Integer.MAX_VALUE - 128;

    private Checks() {}

    /** Refuses a network whose weights do not fit into one off-heap block. */
    static void size(NetworkShape shape) {
        long floats = (shape.inputs() + 1L + shape.outputs()) * shape.paddedHidden() + shape.paddedOutputs();
        if (floats * Float.BYTES > BLOCK_BYTES) {
            throw new BadInputException(
                    "--hidden " + shape.hidden() + ": expected a network whose weights take at most " + BLOCK_BYTES
                            + " bytes, found " + shape + " with " + floats * Float.BYTES);
        }
    }

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

    /** Whether a model, which lies at {@code model}, takes the images of a set. */
    static void images(String model, NetworkShape shape, LabelledImages images) {
        if (shape.inputs() != images.pixels()) {
            throw new BadInputException(model + ": expected images of " + shape.inputs() + " pixels, found "
                    + images.rows() + " x " + images.columns() + " in " + images.imagesUri());
        }
    }
}
