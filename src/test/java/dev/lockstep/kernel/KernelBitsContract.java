package dev.lockstep.kernel;

import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every implementation of {@link Kernels} must do in every bit: what {@link PlainKernels} does. */
abstract class KernelBitsContract {
    private static final float SCALE = 1f / 23;

    /** The implementation under test. */
    abstract Kernels kernels();

    private interface Operation {
        void run(Kernels kernels, KernelArena arena);
    }

    private void same(Operation operation) {
        same(KernelCase.all(), operation);
    }

    /** Runs an operation by both implementations on equal arenas and compares all that is in them. */
    private void same(List<KernelCase> cases, Operation operation) {
        for (KernelCase shape : cases) {
            try (KernelArena expected = new KernelArena(shape);
                    KernelArena actual = new KernelArena(shape)) {
                operation.run(new PlainKernels(), expected);
                operation.run(kernels(), actual);
                actual.assertSameBits(expected);
                actual.assertPaddingZero();
                actual.assertNoNegativeZeroInGradients();
            }
        }
    }

    @Test
    void sparseAffine() {
        same((k, a) -> k.sparseAffine(a.x, a.w1, a.b1, a.shape.hidden(), a.hiddenOut));
    }

    @ParameterizedTest
    @EnumSource
    void activate(Activation activation) {
        same((k, a) -> {
            k.activate(activation, a.z, a.shape.rows(), a.shape.hidden());
            k.activate(activation, a.unpadded.firstRows(a.shape.rows()), a.shape.rows(), a.shape.hidden());
        });
    }

    @Test
    void denseAffine() {
        same((k, a) -> k.denseAffine(a.z, a.shape.rows(), a.w2t, a.b2, a.scratch, a.scoresOut));
    }

    @Test
    void softmax() {
        same((k, a) -> k.softmax(a.scores, a.shape.rows(), a.shape.classes()));
    }

    @ParameterizedTest
    @EnumSource
    void lossAndDelta(Loss loss) {
        same((k, a) -> k.lossAndDelta(
                loss, a.scores, a.x.labels(), a.shape.rows(), a.shape.classes(), SCALE, a.scratch, a.losses));
    }

    @ParameterizedTest
    @EnumSource
    void hiddenDelta(Activation activation) {
        same((k, a) -> k.hiddenDelta(activation, a.scores, a.shape.rows(), a.w2t, a.z, a.scratch, a.hiddenOut));
    }

    @Test
    void gradients() {
        sameGradients(KernelArena::spoilNothing);
    }

    @Test
    void gradientsOfDeltasThatAreNotFinite() {
        sameGradients(KernelArena::spoil);
    }

    /** In one run, and cut into waves and runs at random. */
    private void sameGradients(Consumer<KernelArena> change) {
        for (KernelCase shape : KernelCase.all()) {
            try (KernelArena expected = new KernelArena(shape);
                    KernelArena inOne = new KernelArena(shape);
                    KernelArena inMany = new KernelArena(shape)) {
                List.of(expected, inOne, inMany).forEach(change);
                PlainGradient.add(expected);
                GradientRuns.inOne(kernels(), inOne);
                GradientRuns.inMany(kernels(), inMany, new Random(shape.seed()));
                for (KernelArena actual : List.of(inOne, inMany)) {
                    actual.assertSameBits(expected);
                    actual.assertNoNegativeZeroInGradients();
                }
            }
        }
    }

    @Test
    void isFinite() {
        same((k, a) -> {
            a.hiddenOut.set(0, 0, k.isFinite(a.delta, a.shape.rows()) ? 1f : 0f);
            a.spoil();
            a.hiddenOut.set(1, 0, k.isFinite(a.delta, a.shape.rows()) ? 1f : 0f);
        });
    }

    /** What is not finite reaches the rows and columns that meet it, and no other. */
    @Test
    void numbersThatAreNotFinite() {
        same((k, a) -> {
            a.spoil();
            k.sparseAffine(a.x, a.w1, a.b1, a.shape.hidden(), a.hiddenOut);
        });
    }

    @Test
    void add() {
        same((k, a) -> k.add(a.delta.data(), a.z.data()));
    }

    @Test
    void addScaled() {
        same((k, a) -> k.addScaled(-0.1f, a.delta.data(), a.z.data()));
    }

    @Test
    void decayAndAdd() {
        same((k, a) -> k.decayAndAdd(0.9f, a.delta.data(), -0.1f, a.z.data()));
    }

    @ParameterizedTest
    @EnumSource
    void wholePass(Activation activation) {
        // Scores of huge weights overflow, and where everything is NaN padding is too.
        List<KernelCase> finite =
                KernelCase.all().stream().filter(c -> c.regime() != Regime.HUGE).toList();
        same(finite, (k, a) -> {
            int rows = a.shape.rows();
            k.sparseAffine(a.x, a.w1, a.b1, a.shape.hidden(), a.hiddenOut);
            k.activate(activation, a.hiddenOut, rows, a.shape.hidden());
            k.denseAffine(a.hiddenOut, rows, a.w2t, a.b2, a.scratch, a.scoresOut);
            k.lossAndDelta(
                    Loss.CROSS_ENTROPY, a.scoresOut, a.x.labels(), rows, a.shape.classes(), SCALE, a.scratch, a.losses);
            k.hiddenDelta(activation, a.scoresOut, rows, a.w2t, a.hiddenOut, a.scratch, a.delta);
        });
    }
}
