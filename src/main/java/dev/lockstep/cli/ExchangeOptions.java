package dev.lockstep.cli;

import dev.lockstep.step.ExchangeSettings;
import picocli.CommandLine.Option;

/** Options of the exchange between driver and workers, which change nothing of the result. */
final class ExchangeOptions {
    private static final int MAX_PORT = (1 << 16) - 1;
    private static final int MAX_SECONDS = 1_000_000;

    @Option(
            names = "--fan-in",
            paramLabel = "K",
            defaultValue = "0",
            description =
                    "Worker processes that exchange with the driver, and with each worker, at most: they pass on to the"
                            + " others; 0 if all exchange with the driver (${DEFAULT-VALUE}).")
    private int fanIn;

    @Option(
            names = "--exchange-port",
            paramLabel = "N",
            defaultValue = "0",
            description = "Port of the driver that workers connect to; 0 for any that is free (${DEFAULT-VALUE}).")
    private int port;

    @Option(
            names = "--worker-timeout",
            paramLabel = "SECONDS",
            defaultValue = "120",
            description =
                    "How long training waits while it has no worker; then it saves its state and ends with status 1"
                            + " (${DEFAULT-VALUE}).")
    private int workerTimeoutSeconds;

    @Option(
            names = "--step-timeout",
            paramLabel = "SECONDS",
            defaultValue = "10",
            description =
                    "A worker that gives no sign of life for so long in a step counts as lost (${DEFAULT-VALUE}).")
    private int stepTimeoutSeconds;

    /**
     * What was asked for.
     *
     * @throws dev.lockstep.BadInputException if a number is out of its range
     */
    ExchangeSettings settings() {
        Checks.range("--fan-in", fanIn, 0, 1 << 16);
        Checks.range("--exchange-port", port, 0, MAX_PORT);
        Checks.range("--worker-timeout", workerTimeoutSeconds, 1, MAX_SECONDS);
        Checks.range("--step-timeout", stepTimeoutSeconds, 1, MAX_SECONDS);
        return new ExchangeSettings(fanIn, port, workerTimeoutSeconds, stepTimeoutSeconds);
    }
}
