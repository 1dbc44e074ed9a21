package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.train.TrainingConfig;
import java.util.OptionalLong;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Options of how long training goes on, for commands that train. */
final class LengthOptions {
    /** No run has more. */
    static final long MAX_STEPS = 1L << 40;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--iterations",
            paramLabel = "N",
            defaultValue = "10000",
            description = "Steps; 0 saves the initial weights (${DEFAULT-VALUE}).")
    private long iterations;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            description = "Passes over the training examples, instead of --iterations.")
    private Long epochs;

    @Option(
            names = "--patience",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Stop after N evaluations without a lower validation loss, and keep the best weights; 0 for never"
                            + " (${DEFAULT-VALUE}).")
    private int patience;

    @Option(names = "--evaluate-every", paramLabel = "N", description = "Steps between evaluations (once an epoch).")
    private Long evaluateEvery;

    /**
     * How long.
     *
     * @throws BadInputException if a number is out of its range, or steps and passes are both asked for
     */
    TrainingConfig.Length length() {
        Long passes = epochs();
        Checks.range("--iterations", iterations, 0, MAX_STEPS);
        Checks.range("--epochs", passes == null ? 0 : passes, 0, 1 << 20);
        Checks.range("--patience", patience, 0, 1 << 30);
        return new TrainingConfig.Length(iterations, optional(passes), patience);
    }

    /** The passes, unless they are the preset's and the command line asks for a number of steps. */
    private Long epochs() {
        ParseResult arguments = spec.commandLine().getParseResult();
        if (!arguments.hasMatchedOption("--iterations")) {
            return epochs;
        }
        if (arguments.hasMatchedOption("--epochs")) {
            throw new BadInputException("--iterations and --epochs: expected one of them, found both");
        }
        return null;
    }

    /** Steps between evaluations, if somebody said. */
    OptionalLong evaluateEvery() {
        Checks.range("--evaluate-every", evaluateEvery == null ? 1 : evaluateEvery, 1, MAX_STEPS);
        return optional(evaluateEvery);
    }

    static OptionalLong optional(Long value) {
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
