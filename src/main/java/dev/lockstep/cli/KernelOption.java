package dev.lockstep.cli;

import dev.lockstep.kernel.KernelChoice;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** The option that chooses the kernels, for commands that compute. */
final class KernelOption {
    private static final Logger LOG = LoggerFactory.getLogger(KernelOption.class);

    @Option(
            names = "--kernel",
            paramLabel = "NAME",
            defaultValue = "auto",
            description = "vector: the JDK's vector API; scalar: plain loops; auto: vector where it runs. The same bits"
                    + " from each (${DEFAULT-VALUE}).")
    private KernelChoice kernel;

    /**
     * The choice.
     *
     * @throws dev.lockstep.BadInputException if this process cannot follow it
     */
    KernelChoice choice() {
        kernel.kernels();
        return kernel;
    }

    /**
     * Logs what {@code auto} took in this process, and why. To be called once, when the input has been found to be good: what
     * is said of bad input is one line.
     */
    static void explain(KernelChoice kernel) {
        if (kernel == KernelChoice.AUTO) {
            LOG.info("kernels: {}", KernelChoice.explainAuto());
        }
    }
}
