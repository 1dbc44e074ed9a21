package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.LeakCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class KernelStepTest {
    private static final String DATA = System.getProperty("lockstep.project") + "/data/mnist-10k";

    @Test
    void bytesAreOfProductsAndOfEveryOtherArrayOnce() {
        // 2 examples with 5 pixels, 7 inputs, 16 hidden units, 3 classes; a float has 4 bytes, a pixel 8
        assertThat(StepKernel.FORWARD.bytes(2, 5, 7, 16, 3)).isEqualTo(5 * (8 + 64) + 2 * 64);
        assertThat(StepKernel.ACTIVATION.bytes(2, 5, 7, 16, 3)).isEqualTo(2 * 2 * 64);
        assertThat(StepKernel.SECOND_LAYER.bytes(2, 5, 7, 16, 3)).isEqualTo(2 * 64 + 3 * 64 + 2 * 12);
        assertThat(StepKernel.LOSS_AND_DELTA.bytes(2, 5, 7, 16, 3)).isEqualTo(2 * 2 * 12);
        assertThat(StepKernel.HIDDEN_DELTA.bytes(2, 5, 7, 16, 3)).isEqualTo(2 * 12 + 3 * 64 + 2 * 2 * 64);
        assertThat(StepKernel.PACKING.bytes(2, 5, 7, 16, 3)).isEqualTo(2 * 2 * 64);
        assertThat(StepKernel.GRADIENT.bytes(2, 5, 7, 16, 3)).isEqualTo(5 * (8 + 64) + 7 * 64);
        assertThat(StepKernel.SECOND_GRADIENT.bytes(2, 5, 7, 16, 3)).isEqualTo(2 * (2 * 12 + 2 * 64) + 3 * 64);
        assertThat(StepKernel.UPDATE.bytes(2, 5, 7, 16, 3)).isEqualTo(3 * (7 * 64 + 3 * 64));
    }

    @Test
    void aBatchOfImagesHasTheirPixels() {
        try (KernelStep step = KernelStep.ofImages(DATA, 100)) {
            assertThat(step.w1Floats()).isEqualTo(784 * 64);
            long pixels = (step.bytes(StepKernel.GRADIENT) - 784 * 256) / (8 + 256);
            assertThat(pixels).as("a fifth of 78,400").isBetween(13_000L, 18_000L);
            step.copy();
            for (StepKernel kernel : StepKernel.values()) {
                step.run(kernel);
            }
        }
    }

    @Test
    void aDenseBatchHasNoZeros() {
        try (KernelStep step = KernelStep.dense(28, 200)) {
            assertThat(step.bytes(StepKernel.GRADIENT)).isEqualTo(5600 * (8 + 256) + 28 * 256);
            step.copy();
            step.run(StepKernel.FORWARD);
        }
    }
}
