package dev.lockstep.kernel;

import org.junit.jupiter.api.Nested;

/** All that every implementation of {@link Kernels} has to hold, as tests within the test of one. */
abstract class KernelContracts {
    abstract Kernels kernels();

    @Nested
    class Bits extends KernelBitsContract {
        @Override
        Kernels kernels() {
            return KernelContracts.this.kernels();
        }
    }

    @Nested
    class Accuracy extends KernelAccuracyContract {
        @Override
        Kernels kernels() {
            return KernelContracts.this.kernels();
        }
    }

    @Nested
    class Edges extends KernelEdgeContract {
        @Override
        Kernels kernels() {
            return KernelContracts.this.kernels();
        }
    }
}
