package dev.lockstep.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.RunCheckpoints;
import dev.lockstep.train.StepTimes;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.train.TrainingResult;
import java.lang.management.ManagementFactory;

/** What {@code summary.json} says of a run. */
record RunSummary(
        TrainingConfig config,
        StepPlan plan,
        GradientSource source,
        TrainingResult result,
        Written written,
        String weightsSha256) {

    /**
     * What the run wrote on its way, and what it could not.
     *
     * @param metricsLinesLost lines of metrics
     */
    record Written(RunCheckpoints checkpoints, long metricsLinesLost) {}

    /** Training time over steps, warm-up of the JVM included; 0 without steps. */
    static double millisPerStep(StepTimes times) {
        return times.steps() == 0 ? 0 : times.seconds() * 1e3 / times.steps();
    }

    private static long perStep(long bytes, StepTimes times) {
        return times.steps() == 0 ? 0 : bytes / times.steps();
    }

    /** A text as a JSON number if it is one. */
    private static JsonNode number(ObjectNode factory, String text) {
        return text.matches("-?\\d{1,18}")
                ? factory.numberNode(Long.parseLong(text))
                : text.matches("-?\\d+\\.\\d+([eE]-?\\d+)?")
                        ? factory.numberNode(Double.parseDouble(text))
                        : factory.textNode(text);
    }

    ObjectNode json() {
        StepTimes times = result.times();
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("steps", result.steps());
        json.put("steps_in_this_process", times.steps());
        json.put("batch_size", plan.batchSize());
        json.put("tasks", source.tasks());
        json.put("shards", plan.shards());
        json.put("engine", source.engine());
        json.put("kernel", plan.kernels().name());
        json.put("java_version", System.getProperty("java.version"));
        json.put("lockstep_version", Version.number());
        json.put("lockstep_revision", Version.revision());
        json.put("ms_per_step", millisPerStep(times));
        json.put("ms_per_step_p50", times.medianMillis());
        json.put("ms_per_step_p99", times.p99Millis());
        json.put("training_seconds", times.seconds());
        long startMillis = ManagementFactory.getRuntimeMXBean().getStartTime();
        json.put("process_seconds", (System.currentTimeMillis() - startMillis) / 1e3);
        json.put("model_step", result.evaluation().step());
        json.put("train_accuracy", result.evaluation().train().accuracy());
        result.evaluation().validation().ifPresent(score -> json.put("validation_accuracy", score.accuracy()));
        json.put("test_accuracy", result.evaluation().test().accuracy());
        if (times.steps() == 0) {
            json.putNull("final_loss");
        } else {
            json.put("final_loss", result.finalLoss());
        }
        json.put("weights_sha256", weightsSha256);
        GradientSource.Counters counters = source.counters();
        json.put("workers_lost", counters.workersLost());
        json.put("workers_joined", counters.workersJoined());
        json.put("parts_refused", counters.partsRefused());
        json.put("strangers_refused", counters.strangersRefused());
        json.put("checkpoints_written", written.checkpoints().written());
        json.put("checkpoints_failed", written.checkpoints().failed());
        json.put("metrics_lines_lost", written.metricsLinesLost());
        json.put("bytes_up_per_step", perStep(counters.bytesUp(), times));
        json.put("bytes_down_per_step", perStep(counters.bytesDown(), times));
        json.put("allocated_bytes_per_step", times.allocatedBytesPerStep());
        json.put("gc_count_in_loop", times.collections());
        json.put("off_heap_peak_bytes", MemoryGauge.process().peakBytes());
        ObjectNode settings = json.putObject("config");
        settings.put("data", config.data());
        settings.put("iterations", config.totalSteps(plan));
        config.asMap().forEach((key, value) -> settings.set(key, number(json, value)));
        return json;
    }
}
