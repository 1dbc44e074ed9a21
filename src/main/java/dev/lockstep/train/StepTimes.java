package dev.lockstep.train;

/**
 * The figures of a run.
 *
 * @param steps steps measured
 * @param seconds sum of their times; evaluation, checkpoints and listeners are not in it
 * @param gradientSeconds the part of it from the order until the gradient was there: workers and exchange; the update is the rest
 * @param millis of single steps
 * @param allocatedBytesPerStep heap bytes that the thread allocated that took the step, on average
 * @param collections garbage collections in this JVM from the first step to the end of the loop
 */
public record StepTimes(
        long steps,
        double seconds,
        double gradientSeconds,
        StepMillis millis,
        long allocatedBytesPerStep,
        long collections) {}
