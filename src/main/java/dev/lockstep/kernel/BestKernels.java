package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.OffHeapBlock;
import java.util.List;

/**
 * Finds out once a process which kernels it can run: those on the vector API if the JDK has it as they need it. The system
 * property {@value #PROPERTY} chooses: {@code auto}, the default; {@code scalar}; or {@code vector}, which fails where
 * vectors cannot run. The bits are the same.
 */
final class BestKernels {
    /**
     * Looked up by name, since the module that they need is not everywhere: those for memory segments, which Java 22 and later
     * load if the build made them, and those for byte buffers, whose methods later ones do not have.
     */
    private static final List<String> VECTOR_KERNELS =
            List.of("dev.lockstep.kernel.SegmentKernels", "dev.lockstep.kernel.VectorKernels");

    static final String PROPERTY = "lockstep.kernel";

    static final Kernels KERNELS = choose(System.getProperty(PROPERTY, "auto"));

    private BestKernels() {}

    /** @throws IllegalArgumentException if the choice is none of the three, or vector and there is none here */
    static Kernels choose(String choice) {
        return switch (choice) {
            case "auto" -> {
                try {
                    yield vector();
                } catch (ReflectiveOperationException e) {
                    yield new ScalarKernels();
                }
            }
            case "scalar" -> new ScalarKernels();
            case "vector" -> {
                try {
                    yield vector();
                } catch (ReflectiveOperationException e) {
                    throw new IllegalArgumentException(
                            PROPERTY + ": vector kernels do not run on Java " + Runtime.version(), e);
                }
            }
            default ->
                throw new IllegalArgumentException(PROPERTY + ": expected auto, vector or scalar, found " + choice);
        };
    }

    private static Kernels vector() throws ReflectiveOperationException {
        ReflectiveOperationException none = new ClassNotFoundException("no vector kernels for this JVM");
        for (String name : VECTOR_KERNELS) {
            try {
                return tried(name);
            } catch (ReflectiveOperationException | LinkageError e) {
                none.addSuppressed(e);
            }
        }
        throw none;
    }

    private static Kernels tried(String name) throws ReflectiveOperationException {
        try (OffHeapBlock block = OffHeapBlock.allocate(2L * Kernels.LANES * Float.BYTES, "trying vector kernels")) {
            Kernels kernels =
                    (Kernels) Class.forName(name).getDeclaredConstructor().newInstance();
            FloatArray array = block.floats(0, Kernels.LANES);
            kernels.add(array, array);
            return kernels;
        }
    }
}
