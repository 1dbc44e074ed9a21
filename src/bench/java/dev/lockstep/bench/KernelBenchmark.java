package dev.lockstep.bench;

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
 * Single kernels of a step of 784-50-10 on one thread, and the roof: how long it takes to read an array. Run by
 * {@code submit/bench table --rows kernels}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class KernelBenchmark {
    /** One kernel of a step. */
    @State(Scope.Thread)
    public static class Step {
        @Param("")
        public String data;

        @Param("100")
        public int rows;

        @Param
        public StepKernel kernel;

        private KernelStep step;

        @Setup
        public void load() {
            step = KernelStep.ofImages(data, rows);
        }

        @TearDown
        public void free() {
            step.close();
        }
    }

    /** An array. */
    @State(Scope.Thread)
    public static class Stream {
        @Param("0")
        public int floats;

        private FloatPointer array;

        @Setup
        public void fill() {
            OpenBlas.load();
            array = OpenBlas.array(floats, i -> i % 7);
        }
    }

    @Benchmark
    public void kernel(Step state) {
        state.step.run(state.kernel);
    }

    @Benchmark
    public void copy(Step state) {
        state.step.copy();
    }

    @Benchmark
    public float roof(Stream stream) {
        return OpenBlas.sum(stream.floats, stream.array);
    }
}
