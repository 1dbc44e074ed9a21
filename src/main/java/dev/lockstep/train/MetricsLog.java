package dev.lockstep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.net.Score;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSError;

/**
 * Writes {@code metrics.jsonl}: one JSON object a line, for every logged step its loss and learning rate, for every
 * evaluation the losses and accuracies. Flushed to readers at every line, so that it can be followed. When the disk is
 * full or HDFS in safe mode the log ends there, with a warning and a count of lost lines, and the run goes on: nobody
 * knows how much of a line came through, so another would follow on half of one. One thread; owns the stream.
 */
public final class MetricsLog implements TrainingListener, AutoCloseable {
    private final ObjectMapper json = new ObjectMapper();
    private final FSDataOutputStream out;
    private final long logEvery;
    private final Consumer<String> warn;
    private long linesLost;

    /**
     * @param out receives the lines
     * @param logEvery steps between lines
     * @param warn hears, at most once, that lines are lost
     */
    public MetricsLog(FSDataOutputStream out, long logEvery, Consumer<String> warn) {
        this.out = out;
        this.logEvery = logEvery;
        this.warn = warn;
    }

    /** Lines that could not be written. */
    public long linesLost() {
        return linesLost;
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
        if (linesLost > 0) {
            linesLost++;
            return;
        }
        try {
            out.write((json.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
            out.hflush();
        } catch (IOException | FSError e) { // Hadoop's local file system reports a failed write as an Error
            lost(e);
        }
    }

    private void lost(Throwable e) {
        linesLost++;
        if (linesLost == 1) {
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            warn.accept("metrics.jsonl cannot be written and ends here: " + reason);
        }
    }

    /** Closes the stream. That it cannot be is told like a line that is lost, if there was none before. */
    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException | FSError e) {
            lost(e);
        }
    }
}
