package dev.lockstep.train;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.step.StepPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;

/** Writes the mini-batches of a run: one line a step, its example numbers in order, separated by spaces. */
public final class BatchTrace {
    private BatchTrace() {}

    /**
     * Writes the first {@code steps} mini-batches, which are a function of the plan.
     *
     * @param uri of the file; replaced if it exists
     */
    public static void write(Configuration conf, String uri, StepPlan plan, long steps) throws IOException {
        BatchSampler sampler = plan.sampler();
        int[] examples = new int[plan.batchSize()];
        AtomicOutput.write(conf, uri, true, out -> {
            StringBuilder line = new StringBuilder();
            for (long step = 0; step < steps; step++) {
                int size = sampler.fill(step, examples);
                line.setLength(0);
                for (int i = 0; i < size; i++) {
                    line.append(i == 0 ? "" : " ").append(examples[i]);
                }
                out.write(line.append('\n').toString().getBytes(StandardCharsets.US_ASCII));
            }
        });
    }
}
