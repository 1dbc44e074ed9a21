package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Every array that the kernels of one step read and write, filled for a {@link KernelCase}: inputs with its numbers and
 * zero padding, outputs with {@link #GARBAGE} everywhere. Matrices of activations have more rows than the batch.
 */
final class KernelArena implements AutoCloseable {
    /** What outputs hold before, padding included: no kernel may count on zeros there. */
    static final float GARBAGE = 777.25f;

    private static final int SPARE_ROWS = 2;

    final KernelCase shape;
    final RandomBatch batch;
    final SparseBatch x;
    final SegmentTree tree;
    final FloatMatrix w1;
    final FloatArray b1;
    final FloatMatrix z;
    final FloatMatrix w2t;
    final FloatArray b2;
    /** Scores, or the gradient by them [rows + spare, classes padded]. */
    final FloatMatrix scores;
    /** The gradient by the hidden layer's input [rows + spare, hidden padded]. */
    final FloatMatrix delta;
    /** Numbers beyond the logical width too [rows + spare, hidden padded]. */
    final FloatMatrix unpadded;

    final FloatMatrix hiddenOut;
    final FloatMatrix scoresOut;
    final FloatArray losses;
    final FloatMatrix w1Gradient;
    final FloatArray b1Gradient;
    final FloatMatrix w2tGradient;
    final FloatArray b2Gradient;
    final LayerScratch scratch;

    private final List<OffHeapBlock> blocks = new ArrayList<>();
    private final List<Named> arrays = new ArrayList<>();
    private final Random random;

    private record Named(String name, FloatArray data, int width, int stride) {}

    KernelArena(KernelCase shape) {
        this.shape = shape;
        this.random = new Random(shape.seed());
        int shards = shape.high();
        int[] rowsOfShard = new int[shards];
        System.arraycopy(
                RandomBatch.deal(shape.rows(), shards - shape.low(), random),
                0,
                rowsOfShard,
                shape.low(),
                shards - shape.low());
        this.batch = RandomBatch.of(rowsOfShard, shape.inputs(), shape.classes(), shape.regime(), random);
        this.x = batch.sparse(shape.low(), shape.high());
        this.tree = batch.tree(shape.low(), shape.high());
        int rows = shape.rows() + SPARE_ROWS;
        int hidden = shape.hidden();
        int classes = shape.classes();
        w1 = input("W1", shape.inputs(), hidden);
        b1 = input("b1", 1, hidden).data();
        z = input("z", rows, hidden);
        w2t = input("W2 transposed", classes, hidden);
        b2 = input("b2", 1, classes).data();
        scores = input("scores", rows, classes);
        delta = input("delta", rows, hidden);
        unpadded = input("unpadded", rows, KernelCase.padded(hidden));
        hiddenOut = output("hidden out", rows, hidden);
        scoresOut = output("scores out", rows, classes);
        losses = output("losses", 1, rows).data();
        w1Gradient = output("gradient of W1", shape.inputs(), hidden);
        b1Gradient = output("gradient of b1", 1, hidden).data();
        w2tGradient = output("gradient of W2 transposed", classes, hidden);
        scratch = new LayerScratch(KernelCase.padded(hidden), KernelCase.padded(classes));
        spoil(scratch.flat(), scratch.turned(), scratch.weights(), scratch.sums(), scratch.scores(), scratch.ofRow());
        spoil(scratch.columns());
        spoil(scratch.chains());
        b2Gradient = output("gradient of b2", 1, classes).data();
    }

    /** Leaves in scratch what somebody may have left there. */
    static void spoil(float[]... scratch) {
        for (float[] each : scratch) {
            Arrays.fill(each, GARBAGE);
        }
    }

    private FloatMatrix input(String name, int rows, int width) {
        FloatMatrix m = matrix(name, rows, width);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < width; c++) {
                m.set(r, c, shape.regime().next(random));
            }
        }
        return m;
    }

    private FloatMatrix output(String name, int rows, int width) {
        FloatMatrix m = matrix(name, rows, width);
        m.data().fill(GARBAGE);
        return m;
    }

    private FloatMatrix matrix(String name, int rows, int width) {
        int stride = KernelCase.padded(width);
        OffHeapBlock block = OffHeapBlock.allocate((long) rows * stride * Float.BYTES, name);
        blocks.add(block);
        FloatArray data = block.floats(0, rows * stride);
        arrays.add(new Named(name, data, width, stride));
        return new FloatMatrix(data, rows, stride);
    }

    /** Puts numbers that are not finite into a few places of W1 and delta, the same ones for the same case. */
    void spoil() {
        float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (int i = 0; i < 3; i++) {
            w1.set(random.nextInt(w1.rows()), random.nextInt(shape.hidden()), bad[i]);
            delta.set(random.nextInt(Math.max(1, shape.rows())), random.nextInt(shape.hidden()), bad[i]);
        }
    }

    /** Changes nothing. */
    void spoilNothing() {}

    /** Asserts that every array, changed or not, has the same bits as in another arena. */
    void assertSameBits(KernelArena expected) {
        for (int n = 0; n < arrays.size(); n++) {
            Named mine = arrays.get(n);
            FloatArray theirs = expected.arrays.get(n).data;
            for (int i = 0; i < mine.data.length(); i++) {
                float found = mine.data.get(i);
                if (Float.floatToIntBits(found) != Float.floatToIntBits(theirs.get(i))) {
                    fail(
                            "%s: %s[%d, %d]: expected %s, found %s",
                            shape, mine.name, i / mine.stride, i % mine.stride, theirs.get(i), found);
                }
            }
        }
    }

    /** Asserts that padding, unless nobody has written to the array, is zero; the losses have none. */
    void assertPaddingZero() {
        for (Named array : arrays) {
            for (int i = 0; i < array.data.length(); i++) {
                float found = array.data.get(i);
                if (i % array.stride >= array.width && found != GARBAGE) {
                    assertThat(found)
                            .as("%s: padding of %s at %d", shape, array.name, i)
                            .isEqualTo(0f);
                }
            }
        }
    }

    /** Asserts that no element of a gradient is -0.0. */
    void assertNoNegativeZeroInGradients() {
        for (Named array : arrays) {
            if (array.name.startsWith("gradient")) {
                for (int i = 0; i < array.data.length(); i++) {
                    assertThat(Float.floatToRawIntBits(array.data.get(i)))
                            .as("%s: %s at %d is -0.0", shape, array.name, i)
                            .isNotEqualTo(0x80000000);
                }
            }
        }
    }

    @Override
    public void close() {
        x.close();
        blocks.forEach(OffHeapBlock::close);
    }
}
