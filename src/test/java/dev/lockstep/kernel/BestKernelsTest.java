package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.memory.LeakCheck;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class BestKernelsTest {
    private static final Kernels KERNELS = Kernels.best();

    @Test
    void areVectorKernelsWhereTheJdkReadsBuffersAsVectors() {
        boolean isJdk17 = Runtime.version().feature() == 17;
        assertThat(KERNELS.name()).matches(isJdk17 ? "vector-(256|512)" : "scalar|vector-(256|512)");
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
