package dev.lockstep.cli;

import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.train.TrainingConfig;
import picocli.CommandLine.Option;

/** Options of the optimiser and the learning rate. */
final class UpdateOptions {
    private static final long MAX_STEPS = 1L << 40;

    @Option(
            names = "--learning-rate",
            paramLabel = "X",
            defaultValue = "0.1",
            description = "Learning rate (${DEFAULT-VALUE}).")
    private float learningRate;

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            defaultValue = "sgd",
            description = "sgd, momentum or nesterov (${DEFAULT-VALUE}).")
    private UpdateRule optimizer;

    @Option(
            names = "--momentum",
            paramLabel = "X",
            defaultValue = "0.9",
            description = "Of momentum and nesterov (${DEFAULT-VALUE}).")
    private float momentum;

    @Option(
            names = "--weight-decay",
            paramLabel = "X",
            defaultValue = "0",
            description = "Times the weights, added to the gradient of W1 and W2 (${DEFAULT-VALUE}).")
    private float weightDecay;

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            defaultValue = "constant",
            description = "Of the learning rate: constant, step or cosine (${DEFAULT-VALUE}).")
    private LearningRate.Schedule schedule;

    @Option(
            names = "--warmup-steps",
            paramLabel = "N",
            defaultValue = "0",
            description = "Steps over which the learning rate first rises in a line (${DEFAULT-VALUE}).")
    private long warmupSteps;

    @Option(
            names = "--decay-every",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Of schedule step: steps after which the rate falls (${DEFAULT-VALUE}).")
    private long decayEvery;

    @Option(
            names = "--decay-factor",
            paramLabel = "X",
            defaultValue = "0.5",
            description = "Of schedule step: what the rate is multiplied by then (${DEFAULT-VALUE}).")
    private float decayFactor;

    TrainingConfig.Updates updates() {
        Checks.range("--learning-rate", learningRate, 0, 1e6);
        Checks.range("--momentum", momentum, 0, 1);
        Checks.range("--weight-decay", weightDecay, 0, 1e6);
        Checks.range("--warmup-steps", warmupSteps, 0, MAX_STEPS);
        Checks.range("--decay-every", decayEvery, 1, MAX_STEPS);
        Checks.range("--decay-factor", decayFactor, 0, 1);
        return new TrainingConfig.Updates(
                optimizer, learningRate, momentum, weightDecay, schedule, warmupSteps, decayEvery, decayFactor);
    }
}
