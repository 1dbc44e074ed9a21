package dev.lockstep.train;

/**
 * The figures of a run.
 *
 * @param steps steps measured
 * @param seconds sum of their times; evaluation, checkpoints and listeners are not in it
 * @param medianMillis of a step
 * @param p99Millis 99th percentile of a step
 * @param allocatedBytesPerStep heap bytes that the training thread allocated in a step, on average
 * @param collections garbage collections in this JVM from the first step to the end of the loop
 */
public record StepTimes(
        long steps,
        double seconds,
        double medianMillis,
        double p99Millis,
        long allocatedBytesPerStep,
        long collections) {}
