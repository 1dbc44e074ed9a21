package dev.lockstep.kernel;

import dev.lockstep.BadInputException;
import java.lang.management.ManagementFactory;

/**
 * Which kernels a run computes with. The choice travels, and every process finds out for itself what it can run; the bits are
 * the same whatever each of them takes.
 */
public enum KernelChoice {
    /** Those on the vector API where it serves them, else plain loops. */
    AUTO,
    /** Those on the vector API. */
    VECTOR,
    /** Plain loops, which run everywhere. */
    SCALAR;

    private static final Kernels PLAIN = new ScalarKernels();

    /**
     * The kernels that this process computes with.
     *
     * @throws BadInputException if they are to be those on the vector API, and this JVM or machine cannot run them; says why
     */
    public Kernels kernels() {
        Kernels vectors = this == SCALAR ? null : KernelTrial.HERE.kernels();
        if (this == VECTOR && vectors == null) {
            throw new BadInputException("--kernel vector: expected a JVM that runs the vector kernels, found Java "
                    + Runtime.version().feature() + " in process "
                    + ManagementFactory.getRuntimeMXBean().getName() + ": " + KernelTrial.HERE.reason());
        }
        return vectors == null ? PLAIN : vectors;
    }

    /** What {@link #AUTO} takes in this process, and why: "vector-512 (Java 25, memory segments)" for instance. */
    public static String explainAuto() {
        KernelTrial trial = KernelTrial.HERE;
        return AUTO.kernels().name() + " ("
                + (trial.kernels() == null ? "" : "Java " + Runtime.version().feature() + ", ") + trial.reason() + ")";
    }
}
