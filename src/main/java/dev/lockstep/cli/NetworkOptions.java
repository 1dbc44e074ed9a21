package dev.lockstep.cli;

import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.train.TrainingConfig;
import picocli.CommandLine.Option;

/** Options of the network, its initial weights and its mini-batches, for commands that make a network. */
final class NetworkOptions {
    @Option(names = Presets.OPTION, paramLabel = "NAME", description = "Defaults from conf/NAME.properties (book).")
    private String preset;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", description = "Seed (${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--hidden", paramLabel = "N", defaultValue = "50", description = "Hidden units (${DEFAULT-VALUE}).")
    private int hidden;

    @Option(
            names = "--classes",
            paramLabel = "N",
            defaultValue = "10",
            description = "Classes, 2 to 256; labels are 0 to N-1 (${DEFAULT-VALUE}).")
    private int classes;

    @Option(
            names = "--activation",
            paramLabel = "NAME",
            defaultValue = "sigmoid",
            description = "Of the hidden layer: sigmoid, tanh or relu (${DEFAULT-VALUE}).")
    private Activation activation;

    @Option(
            names = "--loss",
            paramLabel = "NAME",
            defaultValue = "cross-entropy",
            description = "cross-entropy or mse (${DEFAULT-VALUE}).")
    private Loss loss;

    @Option(
            names = "--init",
            paramLabel = "NAME",
            defaultValue = "normal",
            description = "Initial weights: normal (with --init-std), xavier or he (${DEFAULT-VALUE}).")
    private Initializer init;

    @Option(
            names = "--init-std",
            paramLabel = "X",
            defaultValue = "0.01",
            description = "Standard deviation of normal initial weights (${DEFAULT-VALUE}).")
    private double initStd;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            defaultValue = "100",
            description = "Examples of a mini-batch (${DEFAULT-VALUE}).")
    private int batchSize;

    @Option(
            names = "--sampling",
            paramLabel = "NAME",
            defaultValue = "replacement",
            description = "Mini-batches with replacement, or a new order each epoch (${DEFAULT-VALUE}).")
    private Sampling sampling;

    @Option(
            names = "--shards",
            paramLabel = "N",
            defaultValue = "8",
            description = "Logical shards of the data: bounds the tasks, and is part of what fixes the result's bits"
                    + " (${DEFAULT-VALUE}).")
    private int shards;

    long seed() {
        return seed;
    }

    TrainingConfig.Network network() {
        Checks.range("--hidden", hidden, 1, 1 << 20);
        Checks.range("--classes", classes, 2, 256);
        Checks.range("--init-std", initStd, 0, 1e6);
        return new TrainingConfig.Network(hidden, classes, activation, loss, init, initStd);
    }

    TrainingConfig.Batches batches(double validationFraction, GradientMethod gradient) {
        Checks.range("--batch-size", batchSize, 1, 1 << 24);
        Checks.range("--shards", shards, 1, 1 << 16);
        Checks.range("--validation-fraction", validationFraction, 0, 0.999999);
        return new TrainingConfig.Batches(batchSize, sampling, shards, validationFraction, gradient);
    }
}
