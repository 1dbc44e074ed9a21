package dev.lockstep.bench;

import java.io.IOException;
import java.util.Map;

/** One who does an experiment's work: Lockstep or a peer. */
@FunctionalInterface
interface Side {
    /** Median time of a step. */
    String STEP_MILLIS_P50 = "ms_per_step_p50";
    /** Mean time of a step over the whole run. */
    String STEP_MILLIS = "ms_per_step";
    /** The same, and what the JVM's compiler was given to do before the first step counted in. */
    String STEP_MILLIS_REHEARSED = "ms_per_step_rehearsal_counted";
    /** Examples of a mini-batch over the median time of a step. */
    String EXAMPLES_PER_SECOND = "examples_per_second";
    /** Time from the call of fit, data loaded, to a trained model. */
    String FIT_SECONDS = "fit_seconds";
    /** The same, and what the JVM's compiler was given to do before. */
    String FIT_SECONDS_REHEARSED = "fit_seconds_rehearsal_counted";
    /** Share of the test images that are classified rightly. */
    String TEST_ACCURACY = "test_accuracy";
    /** Images scored a second, over all of them. */
    String IMAGES_PER_SECOND = "images_per_second";
    /** Images scored a second, as for the median ten thousand of them. */
    String IMAGES_PER_SECOND_P50 = "images_per_second_p50";
    /** Time of a call. */
    String MICROS = "microseconds";
    /** Gigabytes a second. */
    String GIGABYTES_PER_SECOND = "gigabytes_per_second";
    /** Time from the start of the process to the saved model. */
    String SECONDS = "seconds";

    /**
     * Does the work once.
     *
     * @return figures by name
     * @throws AbsentException if what it needs is not there
     * @throws RunFailedException if it fails
     */
    Map<String, Double> run() throws IOException;
}
