package dev.lockstep.evaluate;

import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.TwoLayerNet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;

/**
 * The predictions of some pieces of files, one after the other, made when they are asked for: a batch at a time. When a file
 * turns out to be damaged, it tells so and ends. One thread; it owns off-heap memory until its end or {@link #close}.
 */
final class PredictionRows implements Iterator<Prediction>, AutoCloseable {
    /** Labels are passed on as they are. */
    private static final int ANY_CLASS = 256;
    /** At most so many examples, of so many pixels together, are held at a time. */
    private static final int CHUNK_EXAMPLES = 1_000;

    private static final int CHUNK_PIXELS = 1 << 22;

    private final Configuration conf;
    private final List<LabelledImages> files;
    private final TwoLayerNet net;
    private final Parameters weights;
    private final Consumer<String> badInput;
    private final Iterator<FilePiece> pieces;
    private final int[] predictions = new int[ImageBatches.ROWS];
    private LabelledImages file;
    private ImageBatches batches; // null before the first piece, after the last and after close
    private FloatMatrix probabilities;
    private int row;
    private int rows;
    private long nanos;

    /**
     * @param weights of the network; the caller's
     * @param badInput is told what is wrong with a file
     */
    PredictionRows(
            Configuration conf,
            List<LabelledImages> files,
            List<FilePiece> pieces,
            TwoLayerNet net,
            Parameters weights,
            Consumer<String> badInput) {
        this.conf = conf;
        this.files = files;
        this.pieces = pieces.iterator();
        this.net = net;
        this.weights = weights;
        this.badInput = badInput;
    }

    @Override
    public boolean hasNext() {
        if (row < rows) {
            return true;
        }
        long began = System.nanoTime();
        row = 0;
        rows = 0;
        try {
            predictBatch();
        } catch (BadInputException e) {
            badInput.accept(e.getMessage());
            close();
            while (pieces.hasNext()) {
                pieces.next();
            }
        }
        nanos += System.nanoTime() - began;
        return rows > 0;
    }

    private void predictBatch() {
        while (batches == null || !batches.next()) {
            close();
            if (!pieces.hasNext()) {
                return;
            }
            FilePiece piece = pieces.next();
            file = files.get(piece.file());
            int chunk = Math.max(1, Math.min(CHUNK_EXAMPLES, CHUNK_PIXELS / file.pixels()));
            batches = new ImageBatches(conf, file, piece.range(), chunk, ANY_CLASS, net.shape());
        }
        probabilities = net.predict(weights, batches.batch(), batches.workspace(), predictions);
        rows = batches.batch().rows();
    }

    @Override
    public Prediction next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        float[] ofClasses = new float[net.shape().outputs()];
        for (int k = 0; k < ofClasses.length; k++) {
            ofClasses[k] = probabilities.get(row, k);
        }
        Prediction prediction = new Prediction();
        prediction.setFile(file.imagesUri());
        prediction.setNumber(batches.first() + row);
        prediction.setLabel(file.hasLabels() ? batches.batch().labels().get(row) : Prediction.NO_LABEL);
        prediction.setPrediction(predictions[row]);
        prediction.setProbabilities(ofClasses);
        row++;
        return prediction;
    }

    /** How long reading and computing have taken so far, without what is done with the rows. */
    long nanos() {
        return nanos;
    }

    @Override
    public void close() {
        if (batches != null) {
            batches.close();
            batches = null;
        }
    }
}
