package dev.lockstep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.BadInputException;
import dev.lockstep.net.Score;
import java.io.IOException;
import java.util.function.Consumer;
import org.apache.hadoop.fs.FSError;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes {@code metrics.jsonl}: one JSON object a line, for every logged step its loss and learning rate, for every
 * evaluation the losses and accuracies. Flushed to readers at every line, so that it can be followed. When a line cannot be
 * written, as when too few data nodes of HDFS are left for the file's replicas, the file is begun again, with a warning; when
 * that cannot be done either, as on a full disk or in safe mode, the log ends there, with a warning and a count of
 * lost lines, and the run goes on. One thread; owns the file.
 */
public final class MetricsLog implements TrainingListener, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsLog.class);

    private final ObjectMapper json = new ObjectMapper();
    private final MetricsFile file;
    private final long logEvery;
    private final Consumer<String> warn;
    private boolean isOver;
    private long linesLost;

    /**
     * @param file receives the lines
     * @param logEvery steps between lines
     * @param warn hears when the file had to be begun again, and, at most once, that lines are lost
     */
    public MetricsLog(MetricsFile file, long logEvery, Consumer<String> warn) {
        this.file = file;
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
        if (isOver) {
            linesLost++;
            return;
        }
        String text = line.toString();
        try {
            file.write(text);
        } catch (IOException | FSError e) { // Hadoop's local file system reports a failed write as an Error
            beginAgain(text, e);
        }
    }

    private void beginAgain(String text, Throwable fault) {
        int lines = file.lines();
        try {
            file.beginAgain();
            linesLost += lines - file.lines();
            warn.accept("metrics.jsonl broke off and was begun again with " + file.lines() + " of its " + lines
                    + " lines: " + BadInputException.reason(fault));
            file.write(text);
        } catch (IOException | BadInputException | FSError e) {
            LOG.debug("metrics.jsonl cannot be begun again", e);
            end(fault);
        }
    }

    private void end(Throwable fault) {
        isOver = true;
        linesLost++;
        warn.accept("metrics.jsonl cannot be written and ends here: " + BadInputException.reason(fault));
    }

    /** Closes the file. That it cannot be is told like a line that is lost, if there was none before. */
    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException | FSError e) {
            if (!isOver) {
                end(e);
            }
        }
    }
}
