package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.fail;

import dev.lockstep.memory.FloatArray;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every implementation of {@link Kernels} must compute, from the mathematics alone: dense matrices, double precision
 * and no tree. Bounds are those of rounding error analysis, n u sum |terms| for a sum of n terms, not fitted ones.
 */
abstract class KernelAccuracyContract {
    /** Half of the distance of floats at 1: the relative error of one rounding. */
    private static final double U = 0x1p-24;

    private static final float SCALE = 1f / 23;

    /** The implementation under test. */
    abstract Kernels kernels();

    private interface ArenaTest {
        void run(KernelArena arena);
    }

    private void forCases(ArenaTest test) {
        for (KernelCase shape : KernelCase.all(Regime.ORDINARY)) {
            try (KernelArena arena = new KernelArena(shape)) {
                test.run(arena);
            }
        }
        for (KernelCase shape : KernelCase.all(Regime.TINY)) {
            try (KernelArena arena = new KernelArena(shape)) {
                test.run(arena);
            }
        }
    }

    /** Without rows there is no gradient. */
    private void forRows(ArenaTest test) {
        forCases(a -> {
            if (a.shape.rows() > 0) {
                test.run(a);
            }
        });
    }

    /** A sum in double, and how far a sum in float may be from it. */
    private static final class Sum {
        private double value;
        private double magnitude;
        private int terms;

        void add(double term) {
            value += term;
            magnitude += Math.abs(term);
            terms++;
        }

        double bound() {
            return 1.01 * (terms + 1) * (U * magnitude + Float.MIN_VALUE);
        }
    }

    private static void assertNear(
            KernelArena a, String what, int row, int column, float found, double exact, double b) {
        if (!(Math.abs(found - exact) <= b)) {
            fail("%s: %s[%d, %d]: expected %s +- %s, found %s", a.shape, what, row, column, exact, b, found);
        }
    }

    private static void assertNear(KernelArena a, String what, int row, int column, float found, Sum exact) {
        assertNear(a, what, row, column, found, exact.value, exact.bound());
    }

    @Test
    void sparseAffine() {
        forCases(a -> {
            kernels().sparseAffine(a.x, a.w1, a.b1, a.shape.hidden(), a.hiddenOut);
            for (int r = 0; r < a.shape.rows(); r++) {
                for (int h = 0; h < a.shape.hidden(); h++) {
                    Sum sum = new Sum();
                    sum.add(a.b1.get(h));
                    for (int c = 0; c < a.shape.inputs(); c++) {
                        sum.add((double) a.batch.pixels()[r][c] * a.w1.get(c, h));
                    }
                    assertNear(a, "x W1 + b1", r, h, a.hiddenOut.get(r, h), sum);
                }
            }
        });
    }

    @Test
    void denseAffine() {
        forCases(a -> {
            kernels().denseAffine(a.z, a.shape.rows(), a.w2t, a.b2, a.scratch, a.scoresOut);
            for (int r = 0; r < a.shape.rows(); r++) {
                for (int k = 0; k < a.shape.classes(); k++) {
                    Sum sum = new Sum();
                    sum.add(a.b2.get(k));
                    for (int h = 0; h < a.shape.hidden(); h++) {
                        sum.add((double) a.z.get(r, h) * a.w2t.get(k, h));
                    }
                    assertNear(a, "z W2 + b2", r, k, a.scoresOut.get(r, k), sum);
                }
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void activate(Activation activation) {
        forCases(a -> {
            double[][] before = heap(a.z.data(), a.shape.rows(), a.z.stride());
            kernels().activate(activation, a.z, a.shape.rows(), a.shape.hidden());
            for (int r = 0; r < a.shape.rows(); r++) {
                for (int h = 0; h < a.shape.hidden(); h++) {
                    double x = before[r][h];
                    double exact = switch (activation) {
                        case SIGMOID -> 1 / (1 + Math.exp(-x));
                        case TANH -> Math.tanh(x);
                        case RELU -> x > 0 ? x : 0;
                    };
                    double bound = activation == Activation.RELU ? 0 : 2 * U;
                    assertNear(a, activation + "", r, h, a.z.get(r, h), exact, bound);
                }
            }
        });
    }

    private static double[][] heap(FloatArray data, int rows, int stride) {
        double[][] copy = new double[rows][stride];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < stride; c++) {
                copy[r][c] = data.get(r * stride + c);
            }
        }
        return copy;
    }

    private static double[] softmax(double[] scores, int classes) {
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < classes; k++) {
            max = Math.max(max, scores[k]);
        }
        double sum = 0;
        double[] y = new double[classes];
        for (int k = 0; k < classes; k++) {
            y[k] = Math.exp(scores[k] - max);
            sum += y[k];
        }
        for (int k = 0; k < classes; k++) {
            y[k] /= sum;
        }
        return y;
    }

    /** Relative error of a softmax in float: its differences are at most 10 here, and rounded once. */
    private static double softmaxError(int classes) {
        return 2 * (10 + 3 + classes) * U;
    }

    @Test
    void softmax() {
        forCases(a -> {
            int classes = a.shape.classes();
            double[][] before = heap(a.scores.data(), a.shape.rows(), a.scores.stride());
            kernels().softmax(a.scores, a.shape.rows(), classes);
            for (int r = 0; r < a.shape.rows(); r++) {
                double[] y = softmax(before[r], classes);
                for (int k = 0; k < classes; k++) {
                    assertNear(a, "y", r, k, a.scores.get(r, k), y[k], y[k] * softmaxError(classes));
                }
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void lossAndDelta(Loss loss) {
        forCases(a -> {
            int classes = a.shape.classes();
            double[][] before = heap(a.scores.data(), a.shape.rows(), a.scores.stride());
            kernels().lossAndDelta(loss, a.scores, a.x.labels(), a.shape.rows(), classes, SCALE, a.scratch, a.losses);
            double error = softmaxError(classes);
            for (int r = 0; r < a.shape.rows(); r++) {
                double[] y = softmax(before[r], classes);
                int t = a.batch.labels()[r];
                double[] d = y.clone();
                d[t] -= 1;
                double squares = 0;
                double dy = 0;
                for (int k = 0; k < classes; k++) {
                    squares += d[k] * d[k];
                    dy += d[k] * y[k];
                }
                boolean entropy = loss == Loss.CROSS_ENTROPY;
                double exact = entropy ? -Math.log(y[t]) : squares / 2;
                assertNear(a, loss + "", r, 0, a.losses.get(r), exact, error * (1 + exact));
                for (int k = 0; k < classes; k++) {
                    double delta = (entropy ? d[k] : y[k] * (d[k] - dy)) * SCALE;
                    assertNear(a, "gradient of " + loss, r, k, a.scores.get(r, k), delta, 4 * error * SCALE);
                }
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void hiddenDelta(Activation activation) {
        forCases(a -> {
            kernels().hiddenDelta(activation, a.scores, a.shape.rows(), a.w2t, a.z, a.scratch, a.hiddenOut);
            for (int r = 0; r < a.shape.rows(); r++) {
                for (int h = 0; h < a.shape.hidden(); h++) {
                    Sum sum = new Sum();
                    for (int k = 0; k < a.shape.classes(); k++) {
                        sum.add((double) a.scores.get(r, k) * a.w2t.get(k, h));
                    }
                    double z = a.z.get(r, h);
                    double slope = switch (activation) {
                        case SIGMOID -> z * (1 - z);
                        case TANH -> 1 - z * z;
                        case RELU -> z > 0 ? 1 : 0;
                    };
                    double exact = sum.value * slope;
                    double bound = sum.bound() * Math.abs(slope) + 6 * U * Math.abs(exact) + Float.MIN_VALUE;
                    assertNear(a, "delta times W2", r, h, a.hiddenOut.get(r, h), exact, bound);
                }
            }
        });
    }

    @Test
    void sparseGradient() {
        forRows(a -> {
            GradientRuns.inOne(kernels(), a);
            for (int c = 0; c < a.shape.inputs(); c++) {
                for (int h = 0; h < a.shape.hidden(); h++) {
                    Sum sum = new Sum();
                    for (int r = 0; r < a.shape.rows(); r++) {
                        sum.add((double) a.batch.pixels()[r][c] * a.delta.get(r, h));
                    }
                    assertNear(a, "x' delta", c, h, a.w1Gradient.get(c, h), sum);
                }
            }
        });
    }

    @Test
    void denseGradient() {
        forRows(a -> {
            GradientRuns.inOne(kernels(), a);
            for (int k = 0; k < a.shape.classes(); k++) {
                for (int h = 0; h < a.shape.hidden(); h++) {
                    Sum sum = new Sum();
                    for (int r = 0; r < a.shape.rows(); r++) {
                        sum.add((double) a.scores.get(r, k) * a.z.get(r, h));
                    }
                    assertNear(a, "delta' z", k, h, a.w2tGradient.get(k, h), sum);
                }
            }
        });
    }

    @Test
    void biasGradient() {
        forRows(a -> {
            GradientRuns.inOne(kernels(), a);
            for (int h = 0; h < a.shape.hidden(); h++) {
                Sum sum = new Sum();
                for (int r = 0; r < a.shape.rows(); r++) {
                    sum.add(a.delta.get(r, h));
                }
                assertNear(a, "1' delta", 0, h, a.b1Gradient.get(h), sum);
            }
        });
    }

    @Test
    void arithmeticOnWholeArrays() {
        for (String name : List.of("add", "addScaled", "decayAndAdd")) {
            forCases(a -> {
                double[] y = heap(a.z.data(), 1, a.z.data().length())[0];
                double[] x = heap(a.delta.data(), 1, y.length)[0];
                switch (name) {
                    case "add" -> kernels().add(a.delta.data(), a.z.data());
                    case "addScaled" -> kernels().addScaled(-0.5f, a.delta.data(), a.z.data());
                    default -> kernels().decayAndAdd(0.75f, a.z.data(), -0.5f, a.delta.data());
                }
                for (int i = 0; i < y.length; i++) {
                    Sum sum = new Sum();
                    sum.add(name.equals("decayAndAdd") ? 0.75 * y[i] : y[i]);
                    sum.add(name.equals("add") ? x[i] : -0.5 * x[i]);
                    assertNear(a, name, 0, i, a.z.data().get(i), sum);
                }
            });
        }
    }
}
