package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.step.WorkersMissingException;
import dev.lockstep.train.DivergedException;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.train.TrainingStoppedException;
import dev.lockstep.train.UnreadableCheckpointException;
import dev.lockstep.tune.NoTrialLeftException;
import dev.lockstep.tune.TuneStoppedException;
import java.io.PrintWriter;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The program. Exit status: 0 done, 2 wrong usage or bad input (one line on standard error), 130 stopped, 1 else. */
@Command(
        name = "lockstep",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "Trains a two-layer neural network on Apache Spark, step by step in lockstep.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            TrainCommand.class,
            TuneCommand.class,
            EvaluateCommand.class,
            PredictCommand.class,
            GradcheckCommand.class,
            ExportCommand.class,
            ReportCommand.class,
            ServeCommand.class,
            CompletionCommand.class
        },
        footerHeading = "%nExit status: ",
        footer = "0 done, 2 wrong usage or bad input, 130 stopped by Ctrl-C, 1 anything else.")
public final class Main implements Runnable {
    /** Columns; room for an example on one line, so that it can be copied. */
    private static final int HELP_WIDTH = 110;

    private static final int FAILED = 1;
    private static final int BAD_INPUT = 2;
    /** As shells say of a program that ended by the interrupt from the keyboard. */
    private static final int STOPPED = 130;

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            description = "When something fails, print where in the code.")
    private boolean stacktrace;

    @CommandLine.Spec
    private CommandSpec spec;

    Main() {}

    /** Runs a command and ends the process with its status. */
    public static void main(String[] args) {
        int status = run(args);
        ClusterDriver.leaveStatus(status);
        if (status != 0) {
            System.exit(status);
        }
    }

    /** Runs a command; returns the exit status. */
    static int run(String[] args) {
        Main main = new Main();
        CommandLine commandLine = commandLine(main);
        for (CommandLine command : commandLine.getSubcommands().values()) {
            command.getCommandSpec().versionProvider(new Version());
        }
        commandLine.setParameterExceptionHandler((e, arguments) -> {
            complain(e.getCommandLine(), UsageFault.describe(e, arguments));
            return BAD_INPUT;
        });
        commandLine.setExecutionExceptionHandler((e, command, result) -> main.failed(command, e));
        try {
            Presets.applyTo(commandLine, args);
        } catch (BadInputException e) {
            complain(commandLine, e.getMessage());
            return BAD_INPUT;
        }
        try {
            return commandLine.execute(args);
        } catch (Error e) { // picocli lets these through, as when memory runs out
            return main.failed(commandLine, e);
        }
    }

    private static CommandLine commandLine(Main main) {
        CommandLine commandLine = new CommandLine(main);
        OptionNames.registerConverters(commandLine);
        commandLine.setExpandAtFiles(false); // a file's name may begin with @
        commandLine.setUsageHelpWidth(HELP_WIDTH);
        return commandLine;
    }

    /**
     * What a {@code train} command would train.
     *
     * @param options what stands behind {@code train}
     * @throws BadInputException if the command would be refused; the message says why
     */
    static TrainingConfig trainingConfig(List<String> options) {
        CommandLine commandLine = commandLine(new Main());
        String[] args = Stream.concat(Stream.of("train"), options.stream()).toArray(String[]::new);
        Presets.applyTo(commandLine, args);
        try {
            CommandSpec train = commandLine.parseArgs(args).subcommand().commandSpec();
            return ((TrainCommand) train.userObject()).config();
        } catch (CommandLine.ParameterException e) {
            throw new BadInputException(UsageFault.describe(e, args), e);
        }
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(
                spec.commandLine(),
                "expected a command: " + String.join(", ", spec.subcommands().keySet()) + " (--help tells more)");
    }

    private int failed(CommandLine command, Throwable e) {
        if (stacktrace) {
            e.printStackTrace(command.getErr());
        }
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof BadInputException) {
                complain(command, cause.getMessage());
                return BAD_INPUT;
            }
        }
        if (e instanceof TrainingStoppedException stopped) {
            complain(command, e.getMessage() + (stopped.hasBegun() ? "; --resume goes on from there" : ""));
            return stopped.isRequested() ? STOPPED : FAILED;
        }
        if (e instanceof TuneStoppedException) {
            complain(command, e.getMessage() + "; --resume goes on from there");
            return STOPPED;
        }
        String hint = stacktrace ? "" : " (--stacktrace tells where)";
        boolean isPlain = e instanceof DivergedException
                || e instanceof WorkersMissingException
                || e instanceof UnreadableCheckpointException
                || e instanceof NoTrialLeftException;
        complain(command, isPlain ? e.getMessage() : describe(e) + hint);
        return FAILED;
    }

    private static String describe(Throwable e) {
        return e.getMessage() == null
                ? e.getClass().getName()
                // Spark's messages go on with stack traces.
                : e.getClass().getSimpleName() + ": " + e.getMessage().split("\\R\\s+at ", 2)[0];
    }

    /** One line, whatever the message holds. */
    private static void complain(CommandLine command, String message) {
        PrintWriter err = command.getErr();
        StringBuilder line = new StringBuilder("lockstep: ");
        // A message quotes what stands in files and arguments; a terminal must not obey it.
        message.strip().replaceAll("\\s*\\R\\s*", "; ").chars().forEach(c -> {
            if (Character.isISOControl(c)) {
                line.append(String.format("\\u%04x", c));
            } else {
                line.append((char) c);
            }
        });
        err.println(line);
        err.flush();
    }
}
