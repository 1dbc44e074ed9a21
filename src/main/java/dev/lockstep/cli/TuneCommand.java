package dev.lockstep.cli;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.train.RunDirectory;
import dev.lockstep.tune.Halving;
import dev.lockstep.tune.Search;
import dev.lockstep.tune.Space;
import dev.lockstep.tune.Trial;
import dev.lockstep.tune.Tuner;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code tune}: searches settings of {@code train}, many trainings at a time. */
@Command(
        name = "tune",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Searches good settings: random trials, of which the best train on (successive halving), one in each Spark task.",
            "",
            "A space file is a file of properties. Each key is an option of train without its dashes, each value one of",
            "  log LOW HIGH       between the bounds, every order of magnitude alike: learning-rate = log 0.001 1",
            "  uniform LOW HIGH   between the bounds, every number alike: momentum = uniform 0 0.95",
            "  choice A B C       one of these: activation = choice sigmoid tanh relu",
            "Options that take whole numbers get whole numbers. All other options of train that are listed here hold for every"
                    + " trial. Trials are chosen by their accuracy on held-out examples; the test files are looked at once,"
                    + " with the best."
        },
        footerHeading = "%nExample: ",
        footer = "submit/lockstep --master 'local[2]' tune --data data/mnist --trials 27 --iterations 5000")
final class TuneCommand implements Callable<Integer> {
    /** Every end of a trial writes the list of them anew. */
    private static final int MAX_TRIALS = 1000;

    /** Options of train that are here for the search, or are given to each trial in another way. */
    private static final Set<String> OWN =
            Set.of("--out", "--overwrite", "--resume", "--quiet", "--kernel", "--validation-fraction", "--stacktrace");

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--trials",
            paramLabel = "N",
            defaultValue = "27",
            description = "Trials, 1 to " + MAX_TRIALS + " (${DEFAULT-VALUE}).")
    private int trials;

    @Option(
            names = "--space",
            paramLabel = "FILE",
            description =
                    "What is searched: a file, see above, on any Hadoop FileSystem (conf/spaces/default.properties).")
    private String space;

    @Option(
            names = "--search-seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Seed of the settings that are drawn; --seed is the trainings' own (${DEFAULT-VALUE}).")
    private long searchSeed;

    @Option(
            names = "--eta",
            paramLabel = "N",
            defaultValue = "3",
            description =
                    "From rung to rung, one of N trials goes on, to N times as many steps; 1 trains all to the end, as a"
                            + " random search (${DEFAULT-VALUE}).")
    private int eta;

    @Option(
            names = "--min-share",
            paramLabel = "X",
            defaultValue = "0.01",
            description = "Share of its steps that every trial gets at least (${DEFAULT-VALUE}).")
    private double minShare;

    @Option(names = "--out", paramLabel = "URI", description = "Directory of the search (target/runs/<time>).")
    private String out;

    @Option(names = "--overwrite", description = "Replace what is in --out.")
    private boolean overwrite;

    @Option(names = "--resume", description = "Go on with the search in --out: what has ended there is not done again.")
    private boolean resume;

    @Option(names = "--quiet", description = "Print nothing but warnings and errors.")
    private boolean quiet;

    @Mixin
    private DataOption data;

    @Option(
            names = "--validation-fraction",
            paramLabel = "X",
            defaultValue = "0.1",
            description = "Share of the training examples held out to choose by (${DEFAULT-VALUE}).")
    private String validationFraction;

    // Here for the help and the first look at what was typed; what a trial makes of them is read from its command.
    @Mixin
    private NetworkOptions network;

    @Mixin
    private UpdateOptions updates;

    @Mixin
    private LengthOptions length;

    @Mixin
    private KernelOption kernel;

    @Override
    public Integer call() throws Exception {
        Checks.range("--trials", trials, 1, MAX_TRIALS);
        Checks.range("--eta", eta, 1, MAX_TRIALS);
        Checks.range("--min-share", minShare, 1e-9, 1);
        TrainCommand.requireOneWay(out, overwrite, resume);
        KernelChoice kernels = kernel.choice();
        Configuration hadoop = SparkSessions.hadoop();
        TrialCommands commands = new TrialCommands(
                fixedOptions(),
                data.open(hadoop, LabelledImages.TRAIN),
                data.open(hadoop, LabelledImages.TEST),
                kernels);
        Space searched = new SpaceFile(train(), this::isTyped).read(hadoop, space, commands::tryOut);
        List<Trial> all = new ArrayList<>();
        for (int number = 1; number <= trials; number++) {
            all.add(commands.trial(number, searched.draw(searchSeed, number)));
        }
        RunDirectory directory =
                RunDirectory.at(hadoop, out == null ? TrainCommand.newRunDirectory() : out, overwrite || resume);
        search(hadoop, new Tuner.Request(searched, new Halving(trials, eta, minShare), all, provenance()), directory);
        return 0;
    }

    private void search(Configuration hadoop, Tuner.Request request, RunDirectory directory) throws IOException {
        TuneProgress progress =
                new TuneProgress(spec.commandLine().getOut(), spec.commandLine().getErr(), quiet);
        try (JavaSparkContext spark = SparkSessions.start("Lockstep tune")) {
            directory.create(resume);
            progress.begins(request.trials(), data.uri());
            KernelOption.explain(request.trials().get(0).plan().kernel());
            try (Tuner tuner = new Tuner(spark, hadoop, request, directory, progress);
                    StopSignal signal = new StopSignal()) {
                signal.install(tuner::requestStop);
                Search found = tuner.run();
                tuner.writeSummary(found);
                progress.finished(found, directory.path().toString(), page(tuner, found, progress));
            }
        }
    }

    /** Draws what is saved already: that it cannot be drawn costs a line. */
    private static String page(Tuner tuner, Search found, TuneProgress progress) {
        try {
            return tuner.writePage(found).toString();
        } catch (IOException | RuntimeException e) {
            progress.warned("tune.html could not be made (" + e + ")");
            return null;
        }
    }

    private CommandSpec train() {
        return spec.parent().subcommands().get("train").getCommandSpec();
    }

    private boolean isTyped(String option) {
        return spec.commandLine().getParseResult().hasMatchedOption(option);
    }

    /** What was typed of the options of train, and what of them has another default here. */
    private List<String> fixedOptions() {
        List<String> options = new ArrayList<>();
        for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
            String name = option.longestName();
            if (!OWN.contains(name) && train().findOption(name) != null) {
                options.add(name + "=" + option.originalStringValues().get(0));
            }
        }
        options.add("--validation-fraction=" + validationFraction);
        return options;
    }

    private static Map<String, String> provenance() {
        Map<String, String> texts = new TreeMap<>();
        texts.put("init-weights", "");
        Version.stamp(texts);
        return texts;
    }
}
