package dev.lockstep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.net.Score;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.fs.FSDataOutputStream;

/**
 * Writes {@code metrics.jsonl}: one JSON object a line, for every logged step its loss and learning rate, for every
 * evaluation the losses and accuracies. Flushed to readers at every line, so that it can be followed. One thread; owns the stream.
 */
public final class MetricsLog implements TrainingListener, AutoCloseable {
    private final ObjectMapper json = new ObjectMapper();
    private final FSDataOutputStream out;
    private final long logEvery;

    /**
     * @param out receives the lines
     * @param logEvery steps between lines
     */
    public MetricsLog(FSDataOutputStream out, long logEvery) {
        this.out = out;
        this.logEvery = logEvery;
    }

    @Override
    public void stepDone(StepReport report) {
        if (report.step() % logEvery == 0) {
            ObjectNode line = json.createObjectNode();
            line.put("step", report.step());
            line.put("loss", report.loss());
            line.put("learning_rate", report.learningRate());
            write(line);
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        ObjectNode line = json.createObjectNode();
        line.put("step", evaluation.step());
        line.put("epoch", evaluation.epoch());
        put(line, "train", evaluation.train());
        evaluation.validation().ifPresent(score -> put(line, "validation", score));
        put(line, "test", evaluation.test());
        write(line);
    }

    private static void put(ObjectNode line, String split, Score score) {
        line.put(split + "_loss", score.meanLoss());
        line.put(split + "_accuracy", score.accuracy());
    }

    private void write(ObjectNode line) {
        try {
            out.write((json.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
            out.hflush();
        } catch (IOException e) {
            throw new UncheckedIOException("metrics.jsonl cannot be written: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
