package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.files.NpzFile;
import dev.lockstep.model.ModelFile;
import dev.lockstep.model.OnnxExport;
import dev.lockstep.net.NetworkShape;
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
        description = {
            "Writes a model for other programs: onnx or npz.",
            "onnx: for ONNX Runtime and its like, from pixels of 0 to 255 to label and probabilities. npz: for NumPy, arrays"
                    + " W1, b1, W2, b2. train --init-weights takes both."
        },
        footerHeading = "%nExample: ",
        footer = "submit/lockstep export --model RUN/model.safetensors --format onnx --out model.onnx")
final class ExportCommand implements Callable<Integer> {
    /** Kinds of file. */
    enum Format {
        NPZ,
        ONNX
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "URI", required = true, description = "The model.safetensors of a run.")
    private String model;

    @Option(names = "--format", paramLabel = "NAME", required = true, description = "npz or onnx.")
    private Format format;

    @Option(names = "--out", paramLabel = "URI", required = true, description = "File to write.")
    private String out;

    @Option(names = "--overwrite", description = "Replace the file in --out.")
    private boolean overwrite;

    @Override
    public Integer call() throws Exception {
        Configuration hadoop = SparkSessions.hadoop();
        OutputFile.require(hadoop, "--out", out, overwrite);
        try (ModelFile.Model read = ModelFile.read(hadoop, model)) {
            NetworkShape shape = read.weights().shape();
            if (format == Format.ONNX && !OnnxExport.fits(shape)) {
                throw new BadInputException(
                        model + ": expected at most 2 GB of weights for --format onnx, found network " + shape
                                + "; --format npz takes it");
            }
            AtomicOutput.write(hadoop, out, overwrite, stream -> {
                if (format == Format.ONNX) {
                    OnnxExport.write(stream, read, Version.number());
                } else {
                    NpzFile.write(stream, ModelFile.tensors(read.weights()));
                }
            });
            String holds = format == Format.ONNX
                    ? " as ONNX: pixels [batch, " + shape.inputs() + "] from 0 to 255 in, label and probabilities out"
                    : " as arrays W1, b1, W2, b2";
            spec.commandLine().getOut().println(out + ": network " + shape + holds);
            spec.commandLine().getOut().flush();
        }
        return 0;
    }
}
