package dev.lockstep.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/** A run's directory that no run has left: as small, as long or as hostile as a test wants it. */
final class MadeRun {
    static final int CLASSES = 10;
    static final int ROWS = 5;
    static final int COLUMNS = 4;

    final Path directory;
    final Path data;
    final ObjectNode summary = new ObjectMapper().createObjectNode();
    private final StringBuilder metrics = new StringBuilder();

    MadeRun(Path directory) throws IOException {
        this.directory = Files.createDirectories(directory);
        this.data = Files.createDirectories(directory.resolve("data"));
        IdxWriter.random(2, 30, ROWS, COLUMNS, CLASSES, 0.5).write(data, "t10k", IdxWriter.Storage.GZIP);
        summary.put("steps", 12_345).put("steps_in_this_process", 12_345);
        summary.put("test_accuracy", 0.912345678).put("train_accuracy", 0.987654321);
        summary.put("test_loss", 0.31415926).put("training_seconds", 98.7654321).put("ms_per_step_p50", 0.1337);
        summary.put("ms_per_step", 0.25).put("ms_per_step_p99", 1.75).put("gradient_seconds", 2.5);
        summary.put("image_rows", ROWS).put("image_columns", COLUMNS).put("weights_sha256", "ab".repeat(32));
        summary.putObject("config").put("data", data.toString()).put("seed", 7);
        summary.putArray("step_ms_histogram").addArray().add(0.1).add(0.2).add(12_345);
        summary.putArray("workers")
                .addObject()
                .put("name", "host, task 1")
                .put("steps", 100)
                .put("answer_seconds", 0.5)
                .put("alone_seconds", 0.125);
        ArrayNode confusion = summary.putArray("test_confusion");
        for (int label = 0; label < CLASSES; label++) {
            ArrayNode row = confusion.addArray();
            for (int k = 0; k < CLASSES; k++) {
                row.add(label == k ? 1000 + k : 10 * label + k);
            }
        }
    }

    MadeRun loss(long step, double loss) {
        metrics.append("{\"step\":" + step + ",\"loss\":" + loss + ",\"learning_rate\":0.1}\n");
        return this;
    }

    /** An evaluation in which the losses and accuracies follow from the test loss. */
    MadeRun evaluation(long step, double testLoss) {
        metrics.append("{\"step\":" + step + ",\"epoch\":1.5,\"train_loss\":" + testLoss / 2 + ",\"train_accuracy\":"
                + (1 - testLoss / 20) + ",\"test_loss\":" + testLoss + ",\"test_accuracy\":" + (1 - testLoss / 10)
                + "}\n");
        return this;
    }

    MadeRun raw(String line) {
        metrics.append(line).append('\n');
        return this;
    }

    MadeRun model(Map<String, String> texts) throws IOException {
        try (Parameters weights = new Parameters(new NetworkShape(ROWS * COLUMNS, 6, CLASSES))) {
            Initializer.NORMAL.initialize(weights, 0.5, 1);
            ModelFile.write(
                    new Configuration(),
                    directory.resolve("model.safetensors").toString(),
                    true,
                    weights,
                    Activation.SIGMOID,
                    Loss.CROSS_ENTROPY,
                    texts);
        }
        return this;
    }

    /** Writes all of it, and the report; returns the page. */
    String report() throws IOException {
        write();
        Report.write(new Configuration(), directory.toString(), null);
        return Files.readString(directory.resolve(Report.FILE));
    }

    MadeRun write() throws IOException {
        new ObjectMapper().writeValue(directory.resolve("summary.json").toFile(), summary);
        Files.writeString(directory.resolve("metrics.jsonl"), metrics);
        return this;
    }
}
