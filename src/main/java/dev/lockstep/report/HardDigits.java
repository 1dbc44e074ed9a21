package dev.lockstep.report;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.ShardRange;
import dev.lockstep.evaluate.ImageBatches;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.TwoLayerNet;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.apache.hadoop.conf.Configuration;

/**
 * The test images that a model got most wrong: of those it takes for another class, the ones to whose class it gives the
 * least probability. Read in this process, a range at a time, and no more of them than bound time and memory.
 *
 * @param digits the worst first
 * @param examined test examples that were looked at, from the first on
 * @param fingerprint of the examples looked at
 * @param rows of an image
 * @param columns of an image
 */
record HardDigits(List<HardDigits.Digit> digits, int examined, long fingerprint, int rows, int columns) {
    static final int MAX_DIGITS = 24;
    /** As many take a tenth of a second; a set of millions would take longer than its training. */
    static final int MAX_EXAMINED = 50_000;

    /** Of the images that are in memory at a time: 10,000 of 28 x 28. */
    private static final int RANGE_PIXELS = 1 << 23;

    private static final int MAX_BYTE = 255;

    /**
     * A test image that was taken for another class.
     *
     * @param number in the test files, from 0
     * @param pixels row by row, 0 to 255
     * @param probabilities of the classes
     */
    record Digit(int number, int label, int prediction, byte[] pixels, float[] probabilities) {
        float probabilityOfLabel() {
            return probabilities[label];
        }
    }

    /**
     * Looks for them.
     *
     * @param model whose inputs are the images' pixels
     * @throws dev.lockstep.BadInputException if a file is damaged
     */
    static HardDigits find(Configuration conf, ModelFile.Model model, LabelledImages images) {
        int examined = Math.min(images.examples(), MAX_EXAMINED);
        TwoLayerNet net =
                new TwoLayerNet(model.weights().shape(), model.activation(), model.loss(), KernelChoice.AUTO.kernels());
        Comparator<Digit> worstLast =
                Comparator.<Digit>comparingDouble(Digit::probabilityOfLabel).reversed();
        PriorityQueue<Digit> worst =
                new PriorityQueue<>(worstLast.thenComparing(Digit::number, Comparator.reverseOrder()));
        int atOnce = Math.max(1, RANGE_PIXELS / images.pixels());
        int classes = net.shape().outputs();
        int[] predictions = new int[ImageBatches.ROWS];
        try (ImageBatches batches =
                new ImageBatches(conf, images, new ShardRange(0, examined), atOnce, classes, net.shape())) {
            while (batches.next()) {
                SparseBatch batch = batches.batch();
                FloatMatrix probabilities = net.predict(model.weights(), batch, batches.workspace(), predictions);
                for (int row = 0; row < batch.rows(); row++) {
                    consider(batches.first() + row, batch, row, predictions[row], probabilities, classes, worst);
                }
            }
            List<Digit> digits =
                    worst.stream().sorted(worst.comparator().reversed()).toList();
            return new HardDigits(digits, examined, batches.fingerprint(), images.rows(), images.columns());
        }
    }

    private static void consider(
            int number,
            SparseBatch batch,
            int row,
            int prediction,
            FloatMatrix probabilities,
            int classes,
            PriorityQueue<Digit> worst) {
        int label = batch.labels().get(row);
        boolean isWorse = worst.size() < MAX_DIGITS
                || probabilities.get(row, label) < worst.peek().probabilityOfLabel();
        if (prediction == label || !isWorse) {
            return;
        }
        float[] copied = new float[classes];
        for (int k = 0; k < classes; k++) {
            copied[k] = probabilities.get(row, k);
        }
        worst.add(new Digit(number, label, prediction, pixels(batch, row), copied));
        if (worst.size() > MAX_DIGITS) {
            worst.remove();
        }
    }

    private static byte[] pixels(SparseBatch batch, int row) {
        byte[] pixels = new byte[batch.inputs()];
        for (int block = batch.blockOfRow(row); block < batch.blockOfRow(row + 1); block++) {
            int column = batch.groupOf()[block] * SparseBatch.COLUMNS;
            for (int i = 0; i < SparseBatch.COLUMNS && column + i < pixels.length; i++) {
                pixels[column + i] = (byte) Math.round(batch.values()[block * SparseBatch.COLUMNS + i] * MAX_BYTE);
            }
        }
        return pixels;
    }
}
