package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.LeakCheck;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class ScalarKernelsTest extends KernelContracts {
    private static final Kernels KERNELS = new ScalarKernels();

    @Test
    void isCalledScalar() {
        assertThat(KERNELS.name()).isEqualTo("scalar");
    }

    /** Of vector code this holds once it is compiled, which a JVM that has run other tests may never do as well. */
    @Test
    void nothingIsAllocated() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        KernelCase shape = new KernelCase(23, 19, 50, 10, 0, 7, Regime.ORDINARY, 1);
        try (KernelArena a = new KernelArena(shape)) {
            Kernels k = KERNELS;
            GradientRows rows = new GradientRows(a.x, a.delta, a.hiddenOut, a.scoresOut, shape.hidden());
            GradientRows[] runs = {rows};
            int[] end = {23};
            GradientSum sum = new GradientSum(10, 7, () -> null);
            Gradient out = new Gradient(a.w1Gradient, a.b1Gradient, a.w2tGradient, a.b2Gradient);
            SumScratch scratch = sum.newScratch();
            long least = Long.MAX_VALUE;
            // Vector code allocates until it is compiled; the passes that this takes depend on the machine.
            for (int i = 0; i < 20_000 && least > 0; i++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                k.sparseAffine(a.x, a.w1, a.b1, a.shape.hidden(), a.hiddenOut);
                k.activate(Activation.SIGMOID, a.hiddenOut, 23, 50);
                k.denseAffine(a.hiddenOut, 23, a.w2t, a.b2, a.scratch, a.scoresOut);
                k.lossAndDelta(Loss.CROSS_ENTROPY, a.scoresOut, a.x.labels(), 23, 10, 0.1f, a.scratch, a.losses);
                k.hiddenDelta(Activation.SIGMOID, a.scoresOut, 23, a.w2t, a.hiddenOut, a.scratch, a.delta);
                rows.set(k);
                sum.clear();
                sum.addNode(a.tree, out);
                sum.wave(0, runs, end, 1);
                k.sparseGradient(sum, 0, SparseBatch.groups(19), scratch);
                k.denseGradient(sum, scratch);
                k.addScaled(-0.1f, a.w1Gradient.data(), a.w1.data());
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertThat(least).as("bytes allocated by a pass").isZero();
        }
    }

    @Override
    Kernels kernels() {
        return KERNELS;
    }
}
