package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.OffHeapBlock;

/** Finds out once a process which kernels it can run: those on the vector API if the JDK has it as they need it. */
final class BestKernels {
    /** Compiled apart, and looked up by name, since the module that they need is not everywhere. */
    private static final String VECTOR_KERNELS = "dev.lockstep.kernel.VectorKernels";

    static final Kernels KERNELS = find();

    private BestKernels() {}

    private static Kernels find() {
        try (OffHeapBlock block = OffHeapBlock.allocate(2L * Kernels.LANES * Float.BYTES, "trying vector kernels")) {
            Kernels kernels = (Kernels)
                    Class.forName(VECTOR_KERNELS).getDeclaredConstructor().newInstance();
            FloatArray array = block.floats(0, Kernels.LANES);
            kernels.add(array, array);
            return kernels;
        } catch (ReflectiveOperationException | LinkageError e) {
            return new ScalarKernels();
        }
    }
}
