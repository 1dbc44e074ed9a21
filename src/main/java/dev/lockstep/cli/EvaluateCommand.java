package dev.lockstep.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Split;
import dev.lockstep.evaluate.EvaluationJob;
import dev.lockstep.evaluate.Metrics;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.model.ModelFile;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code evaluate}: how a model does on a labelled set, as a distributed batch job. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Evaluates a model: accuracy, loss, precision, recall and F1 a class, confusion matrix.",
        footerHeading = "%nExample: ",
        footer = "submit/lockstep evaluate --model RUN/model.safetensors --data data/mnist-10k")
final class EvaluateCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "URI", required = true, description = "The model.safetensors of a run.")
    private String model;

    @Mixin
    private DataOption data;

    @Option(
            names = "--split",
            paramLabel = "NAME",
            defaultValue = "test",
            description = "Files to evaluate on: test or train (${DEFAULT-VALUE}).")
    private Split split;

    @Mixin
    private KernelOption kernel;

    @Option(names = "--out", paramLabel = "URI", description = "Also write the metrics to a JSON file.")
    private String out;

    @Option(names = "--overwrite", description = "Replace the file in --out.")
    private boolean overwrite;

    @Override
    public Integer call() throws Exception {
        if (split == Split.VALIDATION) {
            throw new BadInputException("--split: expected test or train, found validation, which has no files");
        }
        KernelChoice kernels = kernel.choice();
        Configuration hadoop = SparkSessions.hadoop();
        if (out != null) {
            OutputFile.require(hadoop, "--out", out, overwrite);
        }
        LabelledImages images = data.open(hadoop, split == Split.TEST ? LabelledImages.TEST : LabelledImages.TRAIN);
        try (ModelFile.Model read = ModelFile.read(hadoop, model)) {
            Checks.images(model, read.weights().shape(), images);
            try (JavaSparkContext spark = SparkSessions.start("Lockstep evaluate")) {
                EvaluationJob.Evaluated evaluated =
                        EvaluationJob.run(spark, read.weights(), read.activation(), read.loss(), kernels, images);
                KernelOption.explain(kernels);
                report(hadoop, evaluated);
            }
        }
        return 0;
    }

    private void report(Configuration hadoop, EvaluationJob.Evaluated evaluated) throws Exception {
        Metrics metrics = new Metrics(evaluated.score());
        PrintWriter writer = spec.commandLine().getOut();
        writer.print(metrics.text());
        writer.flush();
        if (out != null) {
            ObjectNode json = metrics.json();
            json.put("model", model);
            json.put("data", data.uri());
            json.put("scoring_seconds", evaluated.scoringSeconds());
            json.put("examples_per_second", evaluated.examplesPerSecond());
            json.put("examples_per_second_p50", evaluated.medianExamplesPerSecond());
            byte[] text = new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
            AtomicOutput.write(hadoop, out, overwrite, stream -> stream.write(text));
        }
    }
}
