package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.memory.FloatArray;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.OffHeapBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What users of {@link Kernels} count on at the ends of the range and where there is nothing to add. */
abstract class KernelEdgeContract {
    private final List<AutoCloseable> open = new ArrayList<>();

    /** The implementation under test. */
    abstract Kernels kernels();

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable resource : open) {
            resource.close();
        }
    }

    private FloatMatrix matrix(int rows, int stride) {
        OffHeapBlock block = OffHeapBlock.allocate((long) rows * stride * Float.BYTES, "test");
        open.add(block);
        return new FloatMatrix(block.floats(0, rows * stride), rows, stride);
    }

    private FloatMatrix row(float... values) {
        FloatMatrix row = matrix(1, KernelCase.padded(values.length));
        for (int i = 0; i < values.length; i++) {
            row.set(0, i, values[i]);
        }
        return row;
    }

    private SparseBatch batch(float[][] pixels, int... labels) {
        SparseBatch x = new RandomBatch(pixels[0].length, pixels, labels, new int[] {pixels.length}).sparse(0, 1);
        open.add(x);
        return x;
    }

    private static SegmentTree tree(int low, int... rowEnd) {
        SegmentTree tree = new SegmentTree(low, low + rowEnd.length);
        for (int s = 0; s < rowEnd.length; s++) {
            tree.endSegment(s, rowEnd[s]);
        }
        return tree;
    }

    private static void assertZeroBits(FloatArray array) {
        for (int i = 0; i < array.length(); i++) {
            assertThat(Float.floatToRawIntBits(array.get(i)))
                    .as("element %d", i)
                    .isZero();
        }
    }

    static Stream<Arguments> extremeScores() {
        float max = Float.MAX_VALUE;
        return Stream.of(
                Arguments.of((Object) new float[] {1e30f, -1e30f, 0f}),
                Arguments.of((Object) new float[] {-1e30f, -1e30f, -1e30f}),
                Arguments.of((Object) new float[] {1e30f, 1e30f, 1e30f}),
                Arguments.of((Object) new float[] {max, -max, 0f}),
                Arguments.of((Object) new float[] {-max, -max, -max}),
                Arguments.of((Object) new float[] {-200f, 0f, 200f}),
                Arguments.of((Object) new float[] {Float.MIN_VALUE, 0f, -Float.MIN_VALUE}));
    }

    @ParameterizedTest
    @MethodSource("extremeScores")
    void softmaxAndLossesOfExtremeScoresAreNumbers(float[] scores) {
        FloatMatrix y = row(scores);
        kernels().softmax(y, 1, 3);
        assertThat((double) y.get(0, 0) + y.get(0, 1) + y.get(0, 2)).isBetween(1 - 0x1p-21, 1 + 0x1p-21);
        for (int label = 0; label < 3; label++) {
            for (Loss loss : Loss.values()) {
                FloatMatrix delta = row(scores);
                FloatArray losses = matrix(1, 1).data();
                kernels()
                        .lossAndDelta(
                                loss,
                                delta,
                                batch(new float[1][1], label).labels(),
                                1,
                                3,
                                1f,
                                new LayerScratch(16, 16),
                                losses);
                assertThat(losses.get(0))
                        .as("%s of class %d", loss, label)
                        .isNotNaN()
                        .isGreaterThanOrEqualTo(0f);
                // The loss is the distance of the scores where the exponential of it is out of range.
                double distance = (double) Math.max(scores[0], Math.max(scores[1], scores[2])) - scores[label];
                if (loss == Loss.CROSS_ENTROPY && distance > 100) {
                    assertThat(losses.get(0)).isEqualTo((float) distance);
                }
                for (int k = 0; k < 3; k++) {
                    assertThat(delta.get(0, k)).as("%s, class %d", loss, k).isBetween(-1f, 1f);
                }
            }
        }
    }

    /** A run that has gone wrong must show it: its loss is NaN, which ends it. */
    @ParameterizedTest
    @EnumSource
    void whatIsNotANumberReachesTheLoss(Activation activation) {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            for (Loss loss : Loss.values()) {
                FloatMatrix scores = row(0f, bad, 1f);
                FloatArray losses = matrix(1, 1).data();
                kernels()
                        .lossAndDelta(
                                loss,
                                scores,
                                batch(new float[1][1], 0).labels(),
                                1,
                                3,
                                1f,
                                new LayerScratch(16, 16),
                                losses);
                assertThat(losses.get(0)).as("%s of score %s", loss, bad).isNaN();
            }
        }
        FloatMatrix a = row(Float.NaN);
        kernels().activate(activation, a, 1, 1);
        assertThat(a.get(0, 0)).as("%s of NaN", activation).isNaN();
    }

    /** The gradients of one run of rows, for a network of 16 hidden units and as many classes. */
    private Gradient sum(SparseBatch x, FloatMatrix delta, FloatMatrix z, FloatMatrix scores, SegmentTree tree) {
        Gradient out = new Gradient(
                matrix(x.inputs(), 16),
                matrix(1, 16).data(),
                matrix(16, 16),
                matrix(1, 16).data());
        GradientRows rows = new GradientRows(x, delta, z, scores, 16);
        rows.set(kernels());
        GradientSum sum = new GradientSum(16, tree.segments(), () -> null);
        sum.addNode(tree, out);
        sum.wave(0, new GradientRows[] {rows}, new int[] {x.rows()}, 1);
        SumScratch scratch = sum.newScratch();
        out.w1().data().fill(Float.NaN);
        out.w2t().data().fill(Float.NaN);
        kernels().sparseGradient(sum, 0, SparseBatch.groups(x.inputs()), scratch);
        kernels().denseGradient(sum, scratch);
        return out;
    }

    @Test
    void whatNoExampleTouchesHasAGradientOfZero() {
        SparseBatch x = batch(new float[][] {{0f, 2f, 0f, 0f, 0f}, {0f, 0f, 0f, 0f, 0f}}, 0, 0);
        FloatMatrix delta = matrix(2, 16);
        delta.data().fill(-3f);
        FloatMatrix out = sum(x, delta, delta, delta, tree(5, 0, 1, 1, 2)).w1();
        assertZeroBits(out.firstRows(1).data());
        assertZeroBits(out.data().slice(32, 48));
        assertThat(out.get(1, 7)).isEqualTo(-6f);
    }

    /** A product too small for a float, of a negative number, is -0.0: adding it to something or to nothing would differ. */
    @Test
    void gradientsThatVanishArePositiveZero() {
        SparseBatch x = batch(new float[][] {{1e-30f}}, 0);
        FloatMatrix delta = matrix(1, 16);
        delta.data().fill(-1e-30f);
        FloatMatrix z = matrix(1, 16);
        z.data().fill(1e-30f);
        Gradient out = sum(x, delta, z, delta, tree(0, 1));
        assertZeroBits(out.w1().data());
        assertZeroBits(out.w2t().data());
        delta.data().fill(-0f);
        out = sum(x, delta, z, delta, tree(0, 1));
        assertZeroBits(out.b1());
        assertZeroBits(out.b2());
    }

    /** Whatever the bit: that of -0.0, of a denormal, of a NaN. Nothing outside the range counts. */
    @Test
    void oneBitMakesADifference() {
        Random random = new Random(71);
        FloatArray x = matrix(3, 80).data();
        FloatArray y = matrix(3, 80).data();
        for (int i = 0; i < 2_000; i++) {
            int from = random.nextInt(x.length());
            int to = from + random.nextInt(x.length() - from + 1);
            int at = random.nextInt(x.length());
            x.set(at, Float.intBitsToFloat(1 << random.nextInt(Integer.SIZE)));
            boolean isInside = from <= at && at < to;
            String what = "element " + at + " of " + from + " to " + to;
            assertThat(kernels().isZero(x, from, to)).as(what).isEqualTo(!isInside);
            assertThat(kernels().isSame(x, y, from, to)).as(what).isEqualTo(!isInside);
            assertThat(kernels().isSame(y, x, from, to)).as(what).isEqualTo(!isInside);
            x.set(at, 0f);
        }
        x.fill(Float.NaN);
        y.copyFrom(x);
        assertThat(kernels().isSame(x, y, 0, x.length()))
                .as("NaN of the same bits")
                .isTrue();
    }

    /** No +0.0 is added to a sum for the columns where its row has nothing: it would turn -0.0 into +0.0. */
    @Test
    void aScoreThatVanishesKeepsItsSign() {
        float tiny = 1e-30f;
        SparseBatch x =
                batch(new float[][] {{tiny, 0f, 0f, 0f, 0f}, {tiny, 1f, 1f, 1f, 1f}, {0f, 0f, 0f, 0f, 0f}}, 0, 0, 0);
        FloatMatrix w = matrix(5, 80);
        for (int h = 0; h < 80; h += 3) {
            w.set(0, h, -tiny);
        }
        FloatMatrix out = matrix(3, 80);
        out.data().fill(Float.NaN);
        kernels().sparseAffine(x, w, matrix(1, 80).data(), 80, out);
        for (int h = 0; h < 80; h++) {
            assertThat(Float.floatToRawIntBits(out.get(0, h)))
                    .as("row 0, unit %d", h)
                    .isEqualTo(h % 3 == 0 ? 1 << 31 : 0);
            assertThat(Float.floatToRawIntBits(out.get(1, h)))
                    .as("row 1, unit %d", h)
                    .isZero();
            assertThat(Float.floatToRawIntBits(out.get(2, h)))
                    .as("row 2, unit %d", h)
                    .isZero();
        }
    }

    @Test
    void arraysOfDifferentLengthsAreRefused() {
        FloatArray x = matrix(1, 16).data();
        FloatArray y = matrix(1, 32).data();
        assertThatThrownBy(() -> kernels().add(x, y)).hasMessageContaining("16").hasMessageContaining("32");
        assertThatThrownBy(() -> kernels().addScaled(1f, y, x)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> kernels().decayAndAdd(1f, x, 1f, y)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void closedArraysAreRefused() {
        OffHeapBlock block = OffHeapBlock.allocate(64, "closed");
        FloatArray closed = block.floats(0, 16);
        block.close();
        FloatArray x = matrix(1, 16).data();
        assertThatThrownBy(() -> kernels().add(closed, x)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> kernels().softmax(new FloatMatrix(closed, 1, 16), 1, 3))
                .isInstanceOf(IllegalStateException.class);
    }
}
