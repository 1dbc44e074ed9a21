package dev.lockstep.kernel;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.OffHeapBlock;
import java.lang.reflect.InvocationTargetException;

/**
 * Whether a JVM can run the vector kernels, found out by running one. They are looked up by name, since the module that they
 * need is not everywhere; see {@code VectorLanes} for why there are two kinds.
 *
 * @param kernels the vector kernels; null if they cannot run
 * @param reason what they read, or why they cannot run; for people, to stand in a sentence
 */
record KernelTrial(Kernels kernels, String reason) {
    /** From here on the vector API reads memory segments, which were a preview before. */
    private static final int FIRST_WITH_SEGMENTS = 22;

    /** From here on it does not read byte buffers any more. */
    private static final int FIRST_WITHOUT_BUFFERS = 19;

    /** The outcome in this process, which does not change. */
    static final KernelTrial HERE = of(
            Runtime.version().feature(),
            ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent());

    /**
     * Tries the kernels that are for a version of Java.
     *
     * @param feature the version, 17 for instance
     * @param hasModule whether the vector API is among the modules of this process
     */
    static KernelTrial of(int feature, boolean hasModule) {
        boolean readsSegments = feature >= FIRST_WITH_SEGMENTS;
        if (!hasModule) {
            return new KernelTrial(null, "no jdk.incubator.vector in this JVM, see --add-modules");
        }
        if (!readsSegments && feature >= FIRST_WITHOUT_BUFFERS) {
            return new KernelTrial(
                    null, "the vector API of Java " + feature + " reads neither byte buffers nor memory segments");
        }
        String name = readsSegments ? "SegmentKernels" : "VectorKernels";
        try {
            String memory = readsSegments ? "memory segments" : "byte buffers";
            return new KernelTrial(tried(KernelTrial.class.getPackageName() + "." + name), memory);
        } catch (ClassNotFoundException e) {
            return new KernelTrial(
                    null,
                    "the jar has no vector kernels for Java " + feature + ", it was built without a JDK for them");
        } catch (InvocationTargetException e) {
            return new KernelTrial(null, String.valueOf(e.getCause().getMessage()));
        } catch (ReflectiveOperationException | LinkageError e) {
            return new KernelTrial(null, name + " do not run on Java " + feature + ": " + e);
        }
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
