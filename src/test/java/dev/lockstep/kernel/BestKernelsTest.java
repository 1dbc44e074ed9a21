package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.memory.LeakCheck;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class BestKernelsTest {
    private static final Kernels KERNELS = Kernels.best();

    /** Java 17 reads byte buffers as vectors, Java 22 and later memory segments; the build made kernels for those it can compile. */
    @Test
    void areVectorKernelsWhereThereAreSome() {
        int feature = Runtime.version().feature();
        boolean hasSegments = BestKernels.class.getResource("SegmentKernels.class") != null;
        boolean isVector = feature == 17 || feature >= 22 && hasSegments;
        assertThat(KERNELS.name()).matches(isVector ? "vector-(256|512)" : "scalar|vector-(256|512)");
        String kind = feature == 17 ? "VectorKernels" : "SegmentKernels";
        assertThat(KERNELS.getClass().getSimpleName()).isEqualTo(isVector ? kind : "ScalarKernels");
    }

    @Test
    void thePropertyChooses() {
        assertThat(BestKernels.choose("auto").name()).isEqualTo(KERNELS.name());
        assertThat(BestKernels.choose("scalar").name()).isEqualTo("scalar");
        if (KERNELS.name().startsWith("vector")) {
            assertThat(BestKernels.choose("vector").name()).isEqualTo(KERNELS.name());
        } else {
            assertThatThrownBy(() -> BestKernels.choose("vector"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("lockstep.kernel");
        }
        assertThatThrownBy(() -> BestKernels.choose("fast"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("lockstep.kernel: expected auto, vector or scalar, found fast");
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
