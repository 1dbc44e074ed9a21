package dev.lockstep.bench;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.util.List;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;

/**
 * The arrays of a step of the textbook's network, 784-50-10, in {@value #SHARDS} shards as {@code train} has them, and its
 * kernels one by one. All that this benchmark asks of {@link Kernels} is asked here. One thread; owns its memory.
 */
final class KernelStep implements AutoCloseable {
    static final int HIDDEN = 50;

    private static final int CLASSES = 10;
    private static final int SHARDS = 8;
    private static final long SEED = 1;
    /** So small that weights stay what they are, however often they are updated. */
    private static final float LEARNING_RATE = 1e-12f;

    private final Kernels kernels = Kernels.best();
    private final NetworkShape shape;
    private final SparseBatch x;
    private final SegmentTree tree = new SegmentTree(0, SHARDS);
    private final int[] nonZerosOfRow;
    private final Parameters weights;
    private final Parameters gradient;
    private final OffHeapBlock block;
    private final FloatMatrix hidden;
    private final FloatMatrix delta;
    private final FloatMatrix scores;
    private final FloatArray losses;

    private KernelStep(int inputs, int rows, int maxNonZeros) {
        this.shape = new NetworkShape(inputs, HIDDEN, CLASSES);
        this.x = new SparseBatch(inputs, rows, maxNonZeros);
        this.nonZerosOfRow = new int[rows];
        this.weights = new Parameters(shape);
        this.gradient = new Parameters(shape);
        Initializer.XAVIER.initialize(weights, 0, SEED);
        int hiddenFloats = rows * shape.paddedHidden();
        int scoreFloats = rows * shape.paddedOutputs();
        this.block = OffHeapBlock.allocate((2L * hiddenFloats + scoreFloats + rows) * Float.BYTES, "activations");
        FloatArray all = block.floats(0, 2 * hiddenFloats + scoreFloats + rows);
        this.hidden = new FloatMatrix(all.slice(0, hiddenFloats), rows, shape.paddedHidden());
        this.delta = new FloatMatrix(all.slice(hiddenFloats, hiddenFloats), rows, shape.paddedHidden());
        this.scores = new FloatMatrix(all.slice(2 * hiddenFloats, scoreFloats), rows, shape.paddedOutputs());
        this.losses = all.slice(2 * hiddenFloats + scoreFloats, rows);
    }

    /**
     * A batch of the training images, drawn at random.
     *
     * @param directory of the data
     */
    static KernelStep ofImages(String directory, int rows) {
        Configuration conf = new Configuration();
        LabelledImages images = LabelledImages.open(conf, directory, LabelledImages.TRAIN);
        List<Shard> shards = ShardReader.read(conf, images, ShardRange.split(images.examples(), 1), CLASSES);
        try (Shard shard = shards.get(0)) {
            KernelStep step = new KernelStep(images.pixels(), rows, shard.maxNonZeros());
            Random random = new Random(SEED);
            for (int r = 0; r < rows; r++) {
                int row = random.nextInt(shard.examples());
                SparseBatch x = step.x;
                step.nonZerosOfRow[r] = shard.copyRow(row, x.columns(), x.values(), x.nonZeros());
                x.endRow(step.nonZerosOfRow[r], shard.label(row));
            }
            return step.run();
        }
    }

    /** A batch without zeros. */
    static KernelStep dense(int inputs, int rows) {
        KernelStep step = new KernelStep(inputs, rows, inputs);
        Random random = new Random(SEED);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < inputs; c++) {
                step.x.columns().set(r * inputs + c, c);
                step.x.values().set(r * inputs + c, (1 + random.nextInt(255)) / 255f);
            }
            step.nonZerosOfRow[r] = inputs;
            step.x.endRow(inputs, random.nextInt(CLASSES));
        }
        return step.run();
    }

    /** Every array gets the numbers of a real step. */
    private KernelStep run() {
        int rows = x.rows();
        for (int s = 0; s < SHARDS; s++) {
            tree.endSegment(s, (s + 1) * rows / SHARDS);
        }
        index();
        for (StepKernel kernel : StepKernel.values()) {
            run(kernel);
        }
        return this;
    }

    /** Lists the pixels anew as the kernels need them, as is done for every batch: from its rows, which stay. */
    void index() {
        x.clear();
        for (int r = 0; r < nonZerosOfRow.length; r++) {
            x.endRow(nonZerosOfRow[r], x.labels().get(r));
        }
        x.index();
    }

    /** Runs a kernel. */
    void run(StepKernel kernel) {
        int rows = x.rows();
        switch (kernel) {
            case FORWARD -> kernels.sparseAffine(x, weights.w1(), weights.b1(), hidden);
            case ACTIVATION -> kernels.activate(Activation.SIGMOID, hidden, rows, HIDDEN);
            case SECOND_LAYER -> kernels.denseAffine(hidden, rows, weights.w2t(), weights.b2(), scores);
            case LOSS_AND_DELTA ->
                kernels.lossAndDelta(Loss.CROSS_ENTROPY, scores, x.labels(), rows, CLASSES, 1f / rows, losses);
            case HIDDEN_DELTA ->
                kernels.hiddenDelta(Activation.SIGMOID, scores, rows, weights.w2t(), hidden, delta);
            case GRADIENT -> kernels.sparseGradient(x, delta, tree, gradient.w1());
            case SECOND_GRADIENT -> {
                kernels.biasGradient(delta, tree, gradient.b1());
                kernels.denseGradient(scores, hidden, tree, gradient.w2t());
                kernels.biasGradient(scores, tree, gradient.b2());
            }
            case UPDATE -> kernels.addScaled(-LEARNING_RATE, gradient.all(), weights.all());
        }
    }

    /** Bytes that a kernel has to move here. */
    long bytes(StepKernel kernel) {
        return kernel.bytes(
                x.rows(), x.nonZeros(), shape.inputs(), shape.paddedHidden(), shape.paddedOutputs());
    }

    /** Floats of W1 with its padding: the array that a step reads most of. */
    int w1Floats() {
        return shape.inputs() * shape.paddedHidden();
    }

    @Override
    public void close() {
        x.close();
        weights.close();
        gradient.close();
        block.close();
    }
}
