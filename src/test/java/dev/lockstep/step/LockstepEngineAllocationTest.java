package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a step allocates on the heap when the engine's tasks are threads of this process. With the scalar kernels, whose vectors
 * are never objects, not even before they are compiled.
 */
@ExtendWith(ExchangeQuiet.class)
class LockstepEngineAllocationTest {
    private static final long MAX_BYTES = 1024; // a step and thread, as promised
    private static final int STEPS = 500; // of a window
    private static final int WINDOWS = 200; // other tests' code may be in the compiler's queue before ours
    private static final String TASK = "Executor task launch worker";

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    Path directory;

    @Test
    void aStepAllocatesAKilobyteAThreadAtMost() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(8, 64, Sampling.REPLACEMENT, 0, KernelChoice.SCALAR);
        try (JavaSparkContext spark = new JavaSparkContext(SmallSet.spark("local[2]"));
                GradientSource source = new LockstepGradientSource(spark, plan, 2, 0);
                Parameters weights = SmallSet.initial(plan);
                Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0f, 0f, plan.shape(), plan.kernels())) {
            Map<String, Long> perStep = new TreeMap<>();
            long step = 0;
            for (int window = 0; window < WINDOWS && !isLittle(perStep); window++) {
                Map<String, Long> before = allocated();
                for (long end = step + STEPS; step < end; step++) {
                    GradientPart gradient = source.gradient(step, weights);
                    source.update(optimizer, 0.01f, gradient, weights);
                }
                perStep.clear();
                allocated()
                        .forEach((name, bytes) -> perStep.put(name, (bytes - before.getOrDefault(name, 0L)) / STEPS));
            }
            assertThat(perStep.keySet())
                    .filteredOn(name -> name.startsWith(TASK))
                    .as("tasks")
                    .isNotEmpty();
            assertThat(perStep)
                    .as("bytes a step, by thread")
                    .allSatisfy((name, bytes) -> assertThat(bytes).isLessThanOrEqualTo(MAX_BYTES));
        }
    }

    private static boolean isLittle(Map<String, Long> perStep) {
        return !perStep.isEmpty() && perStep.values().stream().allMatch(bytes -> bytes <= MAX_BYTES);
    }

    /** Bytes that this thread and each of the run's tasks have allocated so far. */
    private Map<String, Long> allocated() {
        Map<String, Long> bytes = new TreeMap<>();
        long[] ids = Arrays.stream(threads.getAllThreadIds())
                .filter(id -> id == Thread.currentThread().getId() || isTask(id))
                .toArray();
        long[] all = threads.getThreadAllocatedBytes(ids);
        for (int i = 0; i < ids.length; i++) {
            bytes.put((isTask(ids[i]) ? TASK + " " : "training thread ") + ids[i], all[i]);
        }
        return bytes;
    }

    private boolean isTask(long id) {
        var info = threads.getThreadInfo(id);
        return info != null && info.getThreadName().startsWith(TASK);
    }
}
