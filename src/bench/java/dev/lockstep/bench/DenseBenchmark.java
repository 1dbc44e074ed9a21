package dev.lockstep.bench;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.FloatPointer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The two products of the first layer on a batch without zeros, forward X W1 and gradient X' D, by our kernels and by
 * OpenBLAS, one thread. Ours begins with the batch's rows: listing them as the kernels need it is part of it, as
 * packing is of OpenBLAS. Run by {@code submit/bench table --rows dense}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class DenseBenchmark {
    private static final int INPUTS = 784;

    /** Our arrays. */
    @State(Scope.Thread)
    public static class Ours {
        @Param("256")
        public int rows;

        private KernelStep step;

        @Setup
        public void fill() {
            step = KernelStep.dense(INPUTS, rows);
        }

        @TearDown
        public void free() {
            step.close();
        }
    }

    /** The same for OpenBLAS: X [rows, inputs], W and its gradient [inputs, hidden], D and out [rows, hidden]. */
    @State(Scope.Thread)
    public static class Theirs {
        @Param("256")
        public int rows;

        private FloatPointer x;
        private FloatPointer w;
        private FloatPointer d;
        private FloatPointer out;
        private FloatPointer gradient;

        @Setup
        public void fill() {
            OpenBlas.load();
            Random random = new Random(1);
            x = OpenBlas.array(rows * INPUTS, i -> (1 + random.nextInt(255)) / 255.0);
            w = OpenBlas.array(INPUTS * KernelStep.HIDDEN, i -> random.nextGaussian());
            d = OpenBlas.array(rows * KernelStep.HIDDEN, i -> random.nextGaussian());
            out = OpenBlas.array(rows * KernelStep.HIDDEN, i -> 0);
            gradient = OpenBlas.array(INPUTS * KernelStep.HIDDEN, i -> 0);
        }

        void forward() {
            OpenBlas.forward(rows, INPUTS, KernelStep.HIDDEN, x, w, out);
        }

        void gradient() {
            OpenBlas.gradient(rows, INPUTS, KernelStep.HIDDEN, x, d, gradient);
        }
    }

    @Benchmark
    public void ours(Ours state) {
        state.step.copy();
        state.step.run(StepKernel.FORWARD);
        state.step.run(StepKernel.PACKING);
        state.step.run(StepKernel.GRADIENT);
    }

    @Benchmark
    public void oursCopy(Ours state) {
        state.step.copy();
    }

    @Benchmark
    public void oursForward(Ours state) {
        state.step.run(StepKernel.FORWARD);
    }

    @Benchmark
    public void oursGradient(Ours state) {
        state.step.run(StepKernel.PACKING);
        state.step.run(StepKernel.GRADIENT);
    }

    @Benchmark
    public void theirs(Theirs state) {
        state.forward();
        state.gradient();
    }

    @Benchmark
    public void theirsForward(Theirs state) {
        state.forward();
    }

    @Benchmark
    public void theirsGradient(Theirs state) {
        state.gradient();
    }
}
