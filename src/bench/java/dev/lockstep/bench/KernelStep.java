package dev.lockstep.bench;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.data.ShardReader;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.GradientRows;
import dev.lockstep.kernel.GradientSum;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.LayerScratch;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.SegmentTree;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.kernel.SumScratch;
import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;

/**
 * The arrays of a step of the textbook's network, 784-50-10, in {@value #SHARDS} shards and runs of {@value #RUN_ROWS} rows as
 * {@code train} has them, and its kernels one by one. All that this benchmark asks of {@link Kernels} is asked here. One
 * thread; owns its memory.
 */
final class KernelStep implements AutoCloseable {
    static final int HIDDEN = 50;

    private static final int CLASSES = 10;
    private static final int SHARDS = 8;
    private static final int RUN_ROWS = 128;
    private static final long SEED = 1;
    /** So small that weights stay what they are, however often they are updated. */
    private static final float LEARNING_RATE = 1e-12f;

    /** Adds row {@code r} of the batch to a run of it: the same one each time. */
    @FunctionalInterface
    private interface Rows {
        void add(int r, SparseBatch x);
    }

    /** Rows that go through the network together. */
    private final class Run {
        final SparseBatch x;
        final OffHeapBlock block;
        final FloatMatrix hidden;
        final FloatMatrix delta;
        final FloatMatrix scores;
        final FloatArray losses;
        final GradientRows sums;
        final int first;
        final int count;

        Run(int first, int rows, int maxGroups) {
            int hiddenFloats = rows * shape.paddedHidden();
            int scoreFloats = rows * shape.paddedOutputs();
            this.x = new SparseBatch(shape.inputs(), rows, maxGroups);
            this.block = OffHeapBlock.allocate((2L * hiddenFloats + scoreFloats + rows) * Float.BYTES, "activations");
            FloatArray all = block.floats(0, 2 * hiddenFloats + scoreFloats + rows);
            this.hidden = new FloatMatrix(all.slice(0, hiddenFloats), rows, shape.paddedHidden());
            this.delta = new FloatMatrix(all.slice(hiddenFloats, hiddenFloats), rows, shape.paddedHidden());
            this.scores = new FloatMatrix(all.slice(2 * hiddenFloats, scoreFloats), rows, shape.paddedOutputs());
            this.losses = all.slice(2 * hiddenFloats + scoreFloats, rows);
            this.sums = new GradientRows(x, delta, hidden, scores, shape.hidden());
            this.first = first;
            this.count = rows;
        }

        void copy(Rows from) {
            x.clear(count);
            for (int r = first; r < first + count; r++) {
                from.add(r, x);
            }
        }

        long nonZeros() {
            long count = 0;
            for (int i = 0; i < x.blocks() * SparseBatch.COLUMNS; i++) {
                count += x.values()[i] == 0 ? 0 : 1;
            }
            return count;
        }

        void close() {
            x.close();
            block.close();
        }
    }

    private final Kernels kernels = KernelChoice.AUTO.kernels();
    private final NetworkShape shape;
    private final int rows;
    private final Rows content;
    private final List<Run> runs = new ArrayList<>();
    private final Parameters weights;
    private final Parameters gradient;
    private final GradientSum sum;
    private final LayerScratch layerScratch;
    private final SumScratch sumScratch;
    private Shard shard; // null if the rows are not of one

    private KernelStep(int inputs, int rows, int maxGroups, Rows content) {
        this.shape = new NetworkShape(inputs, HIDDEN, CLASSES);
        this.rows = rows;
        this.content = content;
        this.weights = new Parameters(shape);
        this.gradient = new Parameters(shape);
        this.layerScratch = new LayerScratch(shape.paddedHidden(), shape.paddedOutputs());
        Initializer.XAVIER.initialize(weights, 0, SEED);
        for (int first = 0; first < rows; first += RUN_ROWS) {
            runs.add(new Run(first, Math.min(RUN_ROWS, rows - first), maxGroups));
        }
        this.sum = new GradientSum(CLASSES, SHARDS, () -> {
            throw new IllegalStateException("one wave leaves nothing over");
        });
        this.sumScratch = sum.newScratch();
        layOut();
        copy();
        for (StepKernel kernel : StepKernel.values()) { // every array gets the numbers of a real step
            run(kernel);
        }
    }

    private void layOut() {
        SegmentTree tree = new SegmentTree(0, SHARDS);
        for (int s = 0; s < SHARDS; s++) {
            tree.endSegment(s, (s + 1) * rows / SHARDS);
        }
        GradientRows[] sums = new GradientRows[runs.size()];
        int[] ends = new int[runs.size()];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = runs.get(i).sums;
            ends[i] = Math.min(rows, (i + 1) * RUN_ROWS);
        }
        sum.clear();
        sum.addNode(tree, gradient.asGradient());
        sum.wave(0, sums, ends, sums.length);
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
        Shard shard = shards.get(0);
        int[] numbers = new Random(SEED).ints(rows, 0, shard.examples()).toArray();
        KernelStep step = new KernelStep(
                images.pixels(), rows, shard.maxGroups(), (r, x) -> shard.copyRow(numbers[r], x));
        step.shard = shard;
        return step;
    }

    /**
     * A batch without zeros.
     *
     * @param inputs a multiple of {@link SparseBatch#COLUMNS}
     */
    static KernelStep dense(int inputs, int rows) {
        Random random = new Random(SEED);
        int groups = SparseBatch.groups(inputs);
        ByteBuffer[] records = new ByteBuffer[rows];
        int[] labels = random.ints(rows, 0, CLASSES).toArray();
        for (int r = 0; r < rows; r++) {
            records[r] = ByteBuffer.allocateDirect(groups * Integer.BYTES + inputs).order(ByteOrder.LITTLE_ENDIAN);
            for (int g = 0; g < groups; g++) {
                records[r].putInt(g);
            }
            for (int c = 0; c < inputs; c++) {
                records[r].put((byte) (1 + random.nextInt(255)));
            }
        }
        return new KernelStep(
                inputs, rows, groups, (r, x) -> x.addPixels(records[r], 0, Integer.BYTES, groups, labels[r]));
    }

    /** Copies the rows anew, group by group as the kernels need them, as is done for every batch. */
    void copy() {
        runs.forEach(run -> run.copy(content));
    }

    /** Runs a kernel. */
    void run(StepKernel kernel) {
        switch (kernel) {
            case GRADIENT -> kernels.sparseGradient(sum, 0, SparseBatch.groups(shape.inputs()), sumScratch);
            case SECOND_GRADIENT -> kernels.denseGradient(sum, sumScratch);
            case UPDATE -> kernels.addScaled(-LEARNING_RATE, gradient.all(), weights.all());
            default -> {
                for (int i = 0; i < runs.size(); i++) {
                    run(kernel, runs.get(i));
                }
            }
        }
    }

    private void run(StepKernel kernel, Run run) {
        int count = run.count;
        switch (kernel) {
            case FORWARD -> kernels.sparseAffine(run.x, weights.w1(), weights.b1(), HIDDEN, run.hidden);
            case ACTIVATION -> kernels.activate(Activation.SIGMOID, run.hidden, count, HIDDEN);
            case SECOND_LAYER ->
                kernels.denseAffine(run.hidden, count, weights.w2t(), weights.b2(), layerScratch, run.scores);
            case LOSS_AND_DELTA ->
                kernels.lossAndDelta(
                        Loss.CROSS_ENTROPY,
                        run.scores,
                        run.x.labels(),
                        count,
                        CLASSES,
                        1f / rows,
                        layerScratch,
                        run.losses);
            case HIDDEN_DELTA ->
                kernels.hiddenDelta(
                        Activation.SIGMOID, run.scores, count, weights.w2t(), run.hidden, layerScratch, run.delta);
            case PACKING -> run.sums.set(kernels);
            default -> throw new IllegalArgumentException(kernel + " is none of single runs");
        }
    }

    /** Bytes that a kernel has to move here. */
    long bytes(StepKernel kernel) {
        long nonZeros = runs.stream().mapToLong(Run::nonZeros).sum();
        return kernel.bytes(rows, nonZeros, shape.inputs(), shape.paddedHidden(), shape.paddedOutputs());
    }

    /** Floats of W1 with its padding: the array that a step reads most of. */
    int w1Floats() {
        return shape.inputs() * shape.paddedHidden();
    }

    @Override
    public void close() {
        runs.forEach(Run::close);
        weights.close();
        gradient.close();
        if (shard != null) {
            shard.close();
        }
    }
}
