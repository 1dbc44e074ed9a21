package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.train.TrainingConfig;
import java.io.IOException;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.Callable;
import org.apache.hadoop.fs.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code train}: from digits to a trained, saved and evaluated model. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Trains a network and leaves a run directory with the model.",
        footerHeading = "%nExample: ",
        footer = "submit/lockstep --master 'local[2]' train --data data/mnist --epochs 5")
final class TrainCommand implements Callable<Integer> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS");

    @Spec
    private CommandSpec spec;

    @Mixin
    private DataOption data;

    @Option(names = "--out", paramLabel = "URI", description = "Run directory (target/runs/<time>).")
    private String out;

    @Option(names = "--overwrite", description = "Replace the run in --out.")
    private boolean overwrite;

    @Mixin
    private NetworkOptions network;

    @Mixin
    private UpdateOptions updates;

    @Mixin
    private LengthOptions length;

    @Option(
            names = "--stop-after",
            paramLabel = "N",
            description =
                    "Steps after which the run ends before its time, with its state saved; --resume without this option"
                            + " goes on to the end (never).")
    private Long stopAfter;

    @Option(
            names = "--validation-fraction",
            paramLabel = "X",
            defaultValue = "0",
            description = "Share of the training examples held out for validation (${DEFAULT-VALUE}).")
    private double validationFraction;

    @Option(
            names = "--gradient",
            paramLabel = "NAME",
            defaultValue = "backprop",
            description = "backprop, or numerical for tiny networks (${DEFAULT-VALUE}).")
    private GradientMethod gradient;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            defaultValue = "lockstep",
            description =
                    "lockstep: one Spark stage for the whole run; job: one Spark job a step; local: in this process,"
                            + " without Spark. The same bits from each (${DEFAULT-VALUE}).")
    private Engine engine;

    @Mixin
    private KernelOption kernel;

    @Option(
            names = "--tasks",
            paramLabel = "N",
            description =
                    "Spark tasks (one a core, at most one a shard; with engine lockstep on a cluster one a shard).")
    private Integer tasks;

    @Mixin
    private ExchangeOptions exchange;

    @Option(
            names = "--init-weights",
            paramLabel = "URI",
            description = "Start from the weights in a .safetensors, .npz or .onnx file.")
    private String initWeights;

    @Option(
            names = "--trace-batches",
            paramLabel = "URI",
            description = "Write the example numbers of every mini-batch, a line a step.")
    private String traceBatches;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N",
            defaultValue = "0",
            description = "Steps between checkpoints; 0 for none (${DEFAULT-VALUE}).")
    private long checkpointEvery;

    @Option(
            names = "--keep-checkpoints",
            paramLabel = "N",
            defaultValue = "3",
            description = "Newest checkpoints that are kept (${DEFAULT-VALUE}).")
    private int keepCheckpoints;

    @Option(
            names = "--checkpoint-required",
            description = "End the run when a checkpoint cannot be written, instead of warning and going on.")
    private boolean checkpointRequired;

    @Option(names = "--resume", description = "Go on from the newest whole checkpoint in --out.")
    private boolean resume;

    @Option(
            names = "--log-every",
            paramLabel = "N",
            defaultValue = "100",
            description = "Steps between lines of metrics.jsonl (${DEFAULT-VALUE}).")
    private long logEvery;

    @Mixin
    private WatchOptions watch;

    @Override
    public Integer call() throws Exception {
        new TrainRun(request(), spec.commandLine().getOut(), spec.commandLine().getErr()).run();
        return 0;
    }

    private TrainRun.Request request() throws IOException {
        requireOneWay(out, overwrite, resume);
        if (tasks != null) {
            Checks.range("--tasks", tasks, 1, 1 << 16);
        }
        TrainingConfig config = config();
        if (traceBatches != null && !isInRunDirectory(traceBatches)) {
            OutputFile.require(SparkSessions.hadoop(), "--trace-batches", traceBatches, true);
        }
        return new TrainRun.Request(
                config,
                kernel.choice(),
                engine,
                tasks,
                exchange.settings(),
                out == null ? newRunDirectory() : out,
                overwrite,
                resume,
                initWeights,
                traceBatches,
                watch.watching());
    }

    /** Where a run goes for which nobody names a place. */
    static String newRunDirectory() {
        return "target/runs/" + LocalDateTime.now().format(TIME);
    }

    /** Refuses options that contradict each other on what is to become of what is in --out. */
    static void requireOneWay(String out, boolean overwrite, boolean resume) {
        if (resume && out == null) {
            throw new BadInputException("--resume: expected --out with the run to go on with, found none");
        }
        if (resume && overwrite) {
            throw new BadInputException("--resume and --overwrite: expected one of them, found both");
        }
    }

    /** Whether the run makes the directory around a file. */
    private boolean isInRunDirectory(String file) {
        try {
            return out != null && new Path(out).equals(new Path(file).getParent());
        } catch (IllegalArgumentException e) {
            return false; // no names of files, as whoever opens them will say
        }
    }

    /**
     * What the options say.
     *
     * @throws BadInputException if one is out of its range, or two contradict each other
     */
    TrainingConfig config() {
        Checks.range("--stop-after", stopAfter == null ? 1 : stopAfter, 1, LengthOptions.MAX_STEPS);
        Checks.range("--checkpoint-every", checkpointEvery, 0, LengthOptions.MAX_STEPS);
        Checks.range("--keep-checkpoints", keepCheckpoints, 1, 1 << 20);
        Checks.range("--log-every", logEvery, 1, LengthOptions.MAX_STEPS);
        TrainingConfig.Length whole = length.length();
        if (whole.patience() > 0 && validationFraction == 0) {
            throw new BadInputException("--patience " + whole.patience()
                    + ": expected --validation-fraction above 0, found 0: early stopping watches the validation loss");
        }
        return new TrainingConfig(
                data.uri(),
                network.seed(),
                network.network(),
                network.batches(validationFraction, gradient),
                updates.updates(),
                new TrainingConfig.Length(
                        whole.iterations(), whole.epochs(), whole.patience(), LengthOptions.optional(stopAfter)),
                new TrainingConfig.Watching(
                        length.evaluateEvery(), logEvery, checkpointEvery, keepCheckpoints, checkpointRequired));
    }
}
