package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.train.TrainingConfig;
import java.io.IOException;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.apache.hadoop.fs.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
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
    private static final long MAX_STEPS = 1L << 40;

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
            names = "--validation-fraction",
            paramLabel = "X",
            defaultValue = "0",
            description = "Share of the training examples held out for validation (${DEFAULT-VALUE}).")
    private double validationFraction;

    @Option(
            names = "--patience",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Stop after N evaluations without a lower validation loss, and keep the best weights; 0 for never"
                            + " (${DEFAULT-VALUE}).")
    private int patience;

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

    @Option(names = "--evaluate-every", paramLabel = "N", description = "Steps between evaluations (once an epoch).")
    private Long evaluateEvery;

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
        if (resume && out == null) {
            throw new BadInputException("--resume: expected --out with the run to go on with, found none");
        }
        if (resume && overwrite) {
            throw new BadInputException("--resume and --overwrite: expected one of them, found both");
        }
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
                out == null ? "target/runs/" + LocalDateTime.now().format(TIME) : out,
                overwrite,
                resume,
                initWeights,
                traceBatches,
                watch.watching());
    }

    /** Whether the run makes the directory around a file. */
    private boolean isInRunDirectory(String file) {
        try {
            return out != null && new Path(out).equals(new Path(file).getParent());
        } catch (IllegalArgumentException e) {
            return false; // no names of files, as whoever opens them will say
        }
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

    private TrainingConfig config() {
        Long passes = epochs();
        Checks.range("--iterations", iterations, 0, MAX_STEPS);
        Checks.range("--epochs", passes == null ? 0 : passes, 0, 1 << 20);
        Checks.range("--patience", patience, 0, 1 << 30);
        Checks.range("--checkpoint-every", checkpointEvery, 0, MAX_STEPS);
        Checks.range("--keep-checkpoints", keepCheckpoints, 1, 1 << 20);
        Checks.range("--evaluate-every", evaluateEvery == null ? 1 : evaluateEvery, 1, MAX_STEPS);
        Checks.range("--log-every", logEvery, 1, MAX_STEPS);
        if (patience > 0 && validationFraction == 0) {
            throw new BadInputException("--patience " + patience
                    + ": expected --validation-fraction above 0, found 0: early stopping watches the validation loss");
        }
        return new TrainingConfig(
                data.uri(),
                network.seed(),
                network.network(),
                network.batches(validationFraction, gradient),
                updates.updates(),
                new TrainingConfig.Length(iterations, optional(passes), patience),
                new TrainingConfig.Watching(
                        optional(evaluateEvery), logEvery, checkpointEvery, keepCheckpoints, checkpointRequired));
    }

    private static OptionalLong optional(Long value) {
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }
}
