package dev.lockstep.cli;

import dev.lockstep.data.ImageFiles;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.evaluate.PredictionJob;
import dev.lockstep.files.AtomicDirectory;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.model.ModelFile;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code predict}: what a model takes each of any number of images for, as a distributed batch job. */
@Command(
        name = "predict",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Predicts the class of every image of any number of IDX files.",
            "Writes a row for each: file, number in the file, label (empty where there are no labels), prediction, and the"
                    + " probability of each class in p0, p1, ..."
        },
        footerHeading = "%nExample: ",
        footer = "submit/lockstep predict --model RUN/model.safetensors --data data/mnist-10k --out predictions")
final class PredictCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "URI", required = true, description = "The model.safetensors of a run.")
    private String model;

    @Option(
            names = "--data",
            paramLabel = "URI",
            required = true,
            arity = "1..*",
            description =
                    "Files of images, plain or gzip, on any Hadoop FileSystem: names, patterns, or directories, which"
                            + " stand for the files in them with idx3 in their names. Labels are taken from the file beside each"
                            + " that has labels for images and idx1 for idx3 in its name.")
    private List<String> data;

    @Option(
            names = "--out",
            paramLabel = "URI",
            required = true,
            description = "Directory to write, a file for each task.")
    private String out;

    @Option(
            names = "--format",
            paramLabel = "NAME",
            defaultValue = "parquet",
            description = "parquet, csv or json (${DEFAULT-VALUE}).")
    private PredictionJob.Format format;

    @Option(names = "--overwrite", description = "Replace an earlier output in --out.")
    private boolean overwrite;

    @Option(names = "--tasks", paramLabel = "N", description = "Spark tasks, and so files in --out (one a core).")
    private Integer tasks;

    @Mixin
    private KernelOption kernel;

    @Override
    public Integer call() throws Exception {
        if (tasks != null) {
            Checks.range("--tasks", tasks, 1, 1 << 16);
        }
        KernelChoice kernels = kernel.choice();
        Configuration hadoop = SparkSessions.hadoop();
        AtomicDirectory output = AtomicDirectory.at(hadoop, out, overwrite);
        List<LabelledImages> files = ImageFiles.find(hadoop, data);
        try (ModelFile.Model read = ModelFile.read(hadoop, model)) {
            files.forEach(images -> Checks.images(model, read.weights().shape(), images));
            try (JavaSparkContext spark = SparkSessions.start("Lockstep predict")) {
                int wanted = tasks == null ? spark.defaultParallelism() : tasks;
                PredictionJob.Predicted predicted = output.write(directory -> PredictionJob.run(
                        spark,
                        read.weights(),
                        read.activation(),
                        read.loss(),
                        kernels,
                        files,
                        wanted,
                        format,
                        directory));
                KernelOption.explain(kernels);
                report(files.size(), predicted);
            }
        }
        return 0;
    }

    private void report(int files, PredictionJob.Predicted predicted) {
        PrintWriter writer = spec.commandLine().getOut();
        writer.printf(
                Locale.ROOT,
                "%d images of %d files in %.1f s; %,.0f images/s once begun (%,.0f without writing): %s%n",
                predicted.examples(),
                files,
                predicted.seconds(),
                predicted.examples() / predicted.loopSeconds(),
                predicted.examples() / predicted.computingSeconds(),
                out);
        writer.flush();
    }
}
