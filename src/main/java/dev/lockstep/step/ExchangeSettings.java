package dev.lockstep.step;

import java.io.Serializable;

/**
 * How workers and driver of engine {@code lockstep} find each other, and how long they wait. None of it changes a bit of the
 * result.
 *
 * @param fanIn worker processes below the driver, and below each of them, at most; 0 for all below the driver
 * @param port where the driver listens; 0 for any that is free
 * @param workerTimeoutSeconds how long a run waits while it has no worker; at least 1
 * @param stepTimeoutSeconds how long a worker may be silent in a step before it is given up; at least 1
 */
public record ExchangeSettings(int fanIn, int port, int workerTimeoutSeconds, int stepTimeoutSeconds)
        implements Serializable {
    /** All exchange with the driver, at any port. */
    public static final ExchangeSettings DEFAULT = new ExchangeSettings(0, 0, 120, 10);

    /** Signs of life in the time after which a worker counts as silent: some may be late, or wait behind a long frame. */
    private static final int SIGNS_PER_TIMEOUT = 5;

    private static final long MAX_SIGN_MILLIS = 1_000;

    /** The same but for the fan-in. */
    public ExchangeSettings withFanIn(int other) {
        return new ExchangeSettings(other, port, workerTimeoutSeconds, stepTimeoutSeconds);
    }

    /** How often a worker process gives a sign of life. */
    long signMillis() {
        return Math.min(MAX_SIGN_MILLIS, stepTimeoutSeconds * 1_000L / SIGNS_PER_TIMEOUT);
    }
}
