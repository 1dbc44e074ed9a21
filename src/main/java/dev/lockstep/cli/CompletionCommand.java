package dev.lockstep.cli;

import dev.lockstep.train.TrainingConfig;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Spec;

/** {@code completion}: a script by which a shell completes what is typed. */
@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        description = {
            "Prints a script by which bash and zsh complete commands, options and their values.",
            "To be sourced by ~/.bashrc; in zsh after: autoload -U +X compinit bashcompinit; compinit; bashcompinit"
        },
        footerHeading = "%nExample: ",
        footer = "source <(submit/lockstep completion)")
final class CompletionCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        // Of its own, for it is changed: picocli would offer constants of enums as the code writes them.
        CommandLine program = new CommandLine(new Main());
        program.getSubcommands().values().forEach(command -> offerNames(command.getCommandSpec()));
        spec.commandLine().getOut().print(AutoComplete.bash("lockstep", program));
        spec.commandLine().getOut().flush();
        return 0;
    }

    private static void offerNames(CommandSpec command) {
        for (OptionSpec option : List.copyOf(command.options())) {
            if (option.type().isEnum()) {
                List<String> names = Arrays.stream(option.type().getEnumConstants())
                        .map(constant -> TrainingConfig.text((Enum<?>) constant))
                        .toList();
                command.remove(option);
                // The script has a variable for each label of a value, so each option needs a label of its own.
                command.addOption(option.toBuilder()
                        .paramLabel(option.longestName())
                        .completionCandidates(names)
                        .build());
            }
        }
    }
}
