package dev.lockstep.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.kernel.Kernels;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code submit/bench table}: Lockstep beside its peers, row by row. Exit status: 0 done, whatever was missed; 2 wrong usage
 * or bad input; 1 if a run failed, or if the time of a control did not grow with its work.
 */
@Command(
        name = "bench table",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measures Lockstep beside NumPy, MLlib and OpenBLAS, and prints one table.")
final class TableBench implements Callable<Integer> {
    private static final DateTimeFormatter NAME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
    private static final Set<String> KERNEL_ROWS = Set.of("kernels", "dense");

    @Spec
    private CommandSpec spec;

    @Option(names = "--rows", paramLabel = "NAME", split = ",", description = "Only these rows, as: book-steady,start.")
    private List<String> rows = List.of();

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Directory of the data (data/mnist-10k); time to accuracy wants the whole MNIST.")
    private Path data;

    @Option(names = "--repeat", paramLabel = "N", defaultValue = "5", description = "Rounds (${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--json", paramLabel = "FILE", description = "Where the JSON goes (target/bench/TIME.json).")
    private Path json;

    @Option(names = "--markdown", description = "Print the table as Markdown.")
    private boolean markdown;

    @Option(names = "--quick", description = "Run as little as possible: tests all of it, measures nothing.")
    private boolean quick;

    @Option(names = "--python", hidden = true, defaultValue = "python3")
    private String python;

    private final Path home;

    TableBench(Path home) {
        this.home = home;
    }

    /** Runs it and ends the process with its status; the system property {@code lockstep.home} is the project's directory. */
    public static void main(String[] args) {
        System.exit(commandLine(Path.of(System.getProperty("lockstep.home"))).execute(args));
    }

    static CommandLine commandLine(Path home) {
        CommandLine commandLine = new CommandLine(new TableBench(home));
        commandLine.setParameterExceptionHandler((e, arguments) -> complain(e.getCommandLine(), e.getMessage(), 2));
        commandLine.setExecutionExceptionHandler((e, command, result) -> complain(
                command, e instanceof BadInputException ? e.getMessage() : e.toString(), e instanceof BadInputException ? 2 : 1));
        return commandLine;
    }

    private static int complain(CommandLine command, String message, int status) {
        command.getErr().println("bench: " + message.strip().replaceAll("\\s*\\R\\s*", "; "));
        command.getErr().flush();
        return status;
    }

    @Override
    public Integer call() throws IOException {
        if (repeat < 1) {
            throw new BadInputException("--repeat: expected 1 or more, found " + repeat);
        }
        Path examples = (data == null ? home.resolve("data/mnist-10k") : data).toAbsolutePath();
        LabelledImages images = LabelledImages.open(new Configuration(), examples.toString(), LabelledImages.TRAIN);
        PrintWriter err = spec.commandLine().getErr();
        Consumer<String> log = line -> {
            err.println("bench: " + line);
            err.flush();
        };
        try (Workplace workplace = Workplace.in(home)) {
            NumpyPeer numpy = new NumpyPeer(workplace, python);
            Experiments experiments = new Experiments(examples, images.examples(), quick, workplace, numpy);
            Set<String> wanted = wanted(experiments);
            if (!numpy.absence().isEmpty()) {
                log.accept("NUMPY IS ABSENT, and its rows are NOT MEASURED: " + numpy.absence());
            }
            Map<String, String> machine =
                    Machine.describe(numpy.version(), OpenBlas.version(), KernelChoice.AUTO.kernels().name());
            Report report = new Report(
                    machine, examples.toString(), repeat, quick, measure(experiments, wanted, log), control(experiments, wanted, log));
            print(report);
            return report.isFailed() ? 1 : 0;
        }
    }

    private Set<String> wanted(Experiments experiments) {
        List<String> all = experiments.all().stream()
                .flatMap(experiment -> experiment.rows().stream())
                .map(Row::key)
                .toList();
        for (String row : rows) {
            if (!all.contains(row)) {
                throw new BadInputException("--rows: expected some of " + String.join(", ", all) + ", found " + row);
            }
        }
        return new LinkedHashSet<>(rows.isEmpty() ? all : rows);
    }

    private Map<String, Experiment.Outcome> measure(Experiments experiments, Set<String> wanted, Consumer<String> log) {
        Map<String, Experiment.Outcome> outcomes = new LinkedHashMap<>();
        for (Experiment experiment : experiments.all()) {
            if (experiment.has(wanted)) {
                outcomes.put(experiment.name(), experiment.measure(wanted, repeat, log));
            }
        }
        return outcomes;
    }

    /** The controls of whatever was measured. */
    private List<Control.Growth> control(Experiments experiments, Set<String> wanted, Consumer<String> log) {
        List<Control> controls = new ArrayList<>();
        if (!KERNEL_ROWS.containsAll(wanted)) {
            controls.add(experiments.runsControl());
        }
        if (KERNEL_ROWS.stream().anyMatch(wanted::contains)) {
            controls.addAll(experiments.kernelControls());
        }
        List<Control.Growth> growths = new ArrayList<>();
        controls.forEach(control -> growths.addAll(control.measure(repeat, log)));
        return growths;
    }

    private void print(Report report) throws IOException {
        Path file = json == null
                ? home.resolve("target/bench/" + NAME.format(LocalDateTime.now()) + ".json")
                : json;
        Files.writeString(
                file, new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(report.json()) + "\n");
        PrintWriter out = spec.commandLine().getOut();
        out.print(markdown ? report.markdown() : report.text());
        out.println();
        out.println("every figure of every round: " + file);
        out.flush();
    }
}
