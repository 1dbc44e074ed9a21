package dev.lockstep.cli;

import dev.lockstep.data.LabelledImages;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine.Option;

/** The option that names the data. */
final class DataOption {
    private static final String DEFAULT = "data/mnist-10k";

    @Option(
            names = "--data",
            paramLabel = "URI",
            description = "Directory with the four files under their MNIST names, each plain or .gz, on any Hadoop"
                    + " FileSystem (" + DEFAULT + " of the project).")
    private String data;

    /** The directory; by default the project's own digits, wherever the program is started from. */
    String uri() {
        if (data != null) {
            return data;
        }
        String home = System.getProperty("lockstep.home");
        return home == null ? DEFAULT : Path.of(home, DEFAULT).toUri().toString();
    }

    LabelledImages open(Configuration conf, String stem) {
        return LabelledImages.open(conf, uri(), stem);
    }
}
