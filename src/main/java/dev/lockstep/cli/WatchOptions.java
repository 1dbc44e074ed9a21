package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import picocli.CommandLine.Option;

/** How much a person is told of a run under way. */
final class WatchOptions {
    @Option(names = "--quiet", description = "Print nothing but warnings and errors.")
    private boolean quiet;

    @Option(
            names = "--verbose",
            description =
                    "A line for every step of --log-every and for every evaluation, also on a terminal, and at the"
                            + " end how long steps took and who was waited for.")
    private boolean verbose;

    /**
     * What is shown.
     *
     * @param columns of the terminal for the live line; 0 if nobody watches
     */
    record Watching(boolean isQuiet, boolean isVerbose, int columns) {
        boolean isLive() {
            return columns > 0 && !isQuiet && !isVerbose;
        }
    }

    Watching watching() {
        if (quiet && verbose) {
            throw new BadInputException("--quiet and --verbose: expected one of them, found both");
        }
        return new Watching(quiet, verbose, Integer.getInteger("lockstep.terminal.columns", 0));
    }
}
