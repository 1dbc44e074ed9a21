package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.files.NpzFile;
import dev.lockstep.model.ModelFile;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code export}: a model for other programs. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Writes a model for other programs: npz for NumPy (arrays W1, b1, W2, b2).",
        footer = {"", "Example: submit/lockstep export --model RUN/model.safetensors --format npz --out model.npz"})
final class ExportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "URI", required = true, description = "The model.safetensors of a run.")
    private String model;

    @Option(names = "--format", paramLabel = "NAME", required = true, description = "npz.")
    private String format;

    @Option(names = "--out", paramLabel = "URI", required = true, description = "File to write.")
    private String out;

    @Option(names = "--overwrite", description = "Replace the file in --out.")
    private boolean overwrite;

    @Override
    public Integer call() throws Exception {
        if (!format.equals("npz")) {
            throw new BadInputException("--format: expected npz, found " + format);
        }
        Configuration hadoop = SparkSessions.hadoop();
        OutputFile.require(hadoop, "--out", out, overwrite);
        try (ModelFile.Model read = ModelFile.read(hadoop, model)) {
            AtomicOutput.write(
                    hadoop, out, overwrite, stream -> NpzFile.write(stream, ModelFile.tensors(read.weights())));
            spec.commandLine()
                    .getOut()
                    .println(out + ": network " + read.weights().shape() + " as arrays W1, b1, W2, b2");
            spec.commandLine().getOut().flush();
        }
        return 0;
    }
}
