package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.OffHeapBlock;

/**
 * Finds out once a process which kernels it can run: those on the vector API if the JDK has it as they need it. The system
 * property {@value #PROPERTY} chooses: {@code auto}, the default; {@code scalar}; or {@code vector}, which fails where
 * vectors cannot run. The bits are the same.
 */
final class BestKernels {
    /** Compiled apart, and looked up by name, since the module that they need is not everywhere. */
    private static final String VECTOR_KERNELS = "dev.lockstep.kernel.VectorKernels";

    static final String PROPERTY = "lockstep.kernel";

    static final Kernels KERNELS = choose(System.getProperty(PROPERTY, "auto"));

    private BestKernels() {}

    /** @throws IllegalArgumentException if the choice is none of the three, or vector and there is none here */
    static Kernels choose(String choice) {
        return switch (choice) {
            case "auto" -> {
                try {
                    yield vector();
                } catch (ReflectiveOperationException | LinkageError e) {
                    yield new ScalarKernels();
                }
            }
            case "scalar" -> new ScalarKernels();
            case "vector" -> {
                try {
                    yield vector();
                } catch (ReflectiveOperationException | LinkageError e) {
                    throw new IllegalArgumentException(
                            PROPERTY + ": vector kernels do not run on Java " + Runtime.version(), e);
                }
            }
            default ->
                throw new IllegalArgumentException(PROPERTY + ": expected auto, vector or scalar, found " + choice);
        };
    }

    private static Kernels vector() throws ReflectiveOperationException {
        try (OffHeapBlock block = OffHeapBlock.allocate(2L * Kernels.LANES * Float.BYTES, "trying vector kernels")) {
            Kernels kernels = (Kernels)
                    Class.forName(VECTOR_KERNELS).getDeclaredConstructor().newInstance();
            FloatArray array = block.floats(0, Kernels.LANES);
            kernels.add(array, array);
            return kernels;
        }
    }
}
