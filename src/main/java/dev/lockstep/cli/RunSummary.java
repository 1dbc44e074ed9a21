package dev.lockstep.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Score;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.RunCheckpoints;
import dev.lockstep.train.StepMillis;
import dev.lockstep.train.StepTimes;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.train.TrainingResult;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

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

    private static void putStepMillis(ObjectNode json, StepTimes times) {
        StepMillis millis = times.millis();
        json.put("ms_per_step_p50", millis.median());
        json.put("ms_per_step_p90", millis.p90());
        json.put("ms_per_step_p99", millis.p99());
        json.put("ms_per_step_p999", millis.p999());
        json.put("ms_per_step_max", millis.longest());
        json.put("gradient_seconds", times.gradientSeconds());
        json.put("update_seconds", times.seconds() - times.gradientSeconds());
        ArrayNode histogram = json.putArray("step_ms_histogram");
        for (StepMillis.Range range : millis.histogram()) {
            histogram.addArray().add(range.fromMillis()).add(range.toMillis()).add(range.steps());
        }
    }

    private void putWorkers(ObjectNode json) {
        ArrayNode workers = json.putArray("workers");
        for (GradientSource.WorkerTimes worker : source.workerTimes()) {
            workers.addObject()
                    .put("name", worker.name())
                    .put("steps", worker.steps())
                    .put("answer_seconds", worker.answerSeconds())
                    .put("alone_seconds", worker.aloneSeconds());
        }
    }

    private void putData(ObjectNode json) {
        json.put("training_examples", plan.holdout().training());
        json.put("validation_examples", plan.holdout().validation());
        json.put("test_examples", plan.test().examples());
        LabelledImages images = (LabelledImages) plan.test(); // the command line trains on nothing else
        json.put("image_rows", images.rows());
        json.put("image_columns", images.columns());
        json.put("train_fingerprint", Shard.fingerprintText(source.data().trainFingerprint()));
        json.put("test_fingerprint", Shard.fingerprintText(source.data().testFingerprint()));
        Score test = result.evaluation().test();
        ArrayNode confusion = json.putArray("test_confusion");
        for (int label = 0; label < test.classes(); label++) {
            ArrayNode row = confusion.addArray();
            for (int prediction = 0; prediction < test.classes(); prediction++) {
                row.add(test.count(label, prediction));
            }
        }
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
        json.put("spark_version", org.apache.spark.package$.MODULE$.SPARK_VERSION());
        json.put("lockstep_version", Version.number());
        json.put("lockstep_revision", Version.revision());
        json.put("ms_per_step", millisPerStep(times));
        putStepMillis(json, times);
        json.put("training_seconds", times.seconds());
        long startMillis = ManagementFactory.getRuntimeMXBean().getStartTime();
        json.put("process_seconds", (System.currentTimeMillis() - startMillis) / 1e3);
        json.put("finished_at", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        json.put("model_step", result.evaluation().step());
        json.put("train_accuracy", result.evaluation().train().accuracy());
        result.evaluation().validation().ifPresent(score -> json.put("validation_accuracy", score.accuracy()));
        json.put("test_accuracy", result.evaluation().test().accuracy());
        json.put("train_loss", result.evaluation().train().meanLoss());
        result.evaluation().validation().ifPresent(score -> json.put("validation_loss", score.meanLoss()));
        json.put("test_loss", result.evaluation().test().meanLoss());
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
        putWorkers(json);
        putData(json);
        ObjectNode settings = json.putObject("config");
        settings.put("data", config.data());
        settings.put("iterations", config.totalSteps(plan));
        config.length().stopAfter().ifPresent(step -> settings.put("stop-after", step));
        config.asMap().forEach((key, value) -> settings.set(key, number(json, value)));
        return json;
    }
}
