package dev.lockstep.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Tells in one line what is wrong with the arguments. */
final class UsageFault {
    private UsageFault() {}

    static String describe(ParameterException e, String[] args) {
        if (e instanceof UnmatchedArgumentException unmatched) {
            return unmatched(unmatched);
        }
        boolean fromPreset = e.getArgSpec() instanceof OptionSpec option
                && Arrays.stream(args).noneMatch(arg -> names(arg, option))
                && e.getValue() != null;
        String hint = e instanceof MissingParameterException
                ? " (" + e.getCommandLine().getCommandName() + " --help tells more)"
                : "";
        return e.getMessage() + (fromPreset ? " in " + Presets.fileOf(args) : "") + hint;
    }

    private static boolean names(String argument, OptionSpec option) {
        return Arrays.stream(option.names()).anyMatch(name -> argument.equals(name) || argument.startsWith(name + "="));
    }

    private static String unmatched(UnmatchedArgumentException e) {
        Set<String> commands = e.getCommandLine().getSubcommands().keySet();
        String found = e.getUnmatched().get(0);
        if (!commands.isEmpty()) {
            return "expected a command: " + String.join(", ", commands) + ", found " + found + " (--help tells more)";
        }
        List<String> alike = e.getSuggestions();
        String hint = alike.isEmpty() ? "--help lists them" : "is it " + String.join(" or ", alike) + "?";
        return "expected options of " + e.getCommandLine().getCommandName() + ", found " + found + " (" + hint + ")";
    }
}
