package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.LeakCheck;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class ScalarKernelsTest {
    private static final Kernels KERNELS = new ScalarKernels();

    @Test
    void isCalledScalar() {
        assertThat(KERNELS.name()).isEqualTo("scalar");
    }

    @Nested
    class Bits extends KernelBitsContract {
        @Override
        Kernels kernels() {
            return KERNELS;
        }
    }

    @Nested
    class Accuracy extends KernelAccuracyContract {
        @Override
        Kernels kernels() {
            return KERNELS;
        }
    }

    @Nested
    class Edges extends KernelEdgeContract {
        @Override
        Kernels kernels() {
            return KERNELS;
        }
    }
}
