package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.kernel.RandomBatch;
import dev.lockstep.kernel.Regime;
import dev.lockstep.kernel.ScalarKernels;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.LeakCheck;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(LeakCheck.class)
class TwoLayerNetTest {
    static Stream<GradientCase> cases() {
        NetworkShape[] shapes = {
            new NetworkShape(1, 1, 1),
            new NetworkShape(30, 50, 10),
            new NetworkShape(17, 16, 3),
            new NetworkShape(3, 100, 17)
        };
        return IntStream.range(0, 24)
                .mapToObj(i -> new GradientCase(
                        shapes[i % 4], Activation.values()[i / 4 % 3], Loss.values()[i / 12], 3, 2 + i, i));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void probabilitiesAreThoseOfTheFormula(GradientCase c) {
        RandomBatch batch = c.batch();
        try (Parameters w = c.parameters();
                SparseBatch x = batch.sparse(0, c.shards());
                Workspace workspace = new Workspace(c.shape(), x)) {
            PlainNet plain = new PlainNet(c.net(), w);
            int[] predictions = new int[c.rows()];
            FloatMatrix y = c.net().predict(w, x, workspace, predictions);
            for (int r = 0; r < c.rows(); r++) {
                double[] expected = plain.probabilities(batch.pixels()[r]);
                assertThat(expected[predictions[r]])
                        .as("the class of example %d", r)
                        .isCloseTo(Arrays.stream(expected).max().orElseThrow(), within(5e-6));
                double sum = 0;
                for (int k = 0; k < y.stride(); k++) {
                    assertThat((double) y.get(r, k))
                            .as("example %d, class %d", r, k)
                            .isCloseTo(k < expected.length ? expected[k] : 0, within(5e-6));
                    sum += y.get(r, k);
                }
                assertThat(sum).as("sum of example %d", r).isCloseTo(1, within(1e-6));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void scoreCountsWhatTheFormulaPredicts(GradientCase c) {
        RandomBatch batch = c.batch();
        int classes = c.shape().outputs();
        try (Parameters w = c.parameters();
                SparseBatch x = batch.sparse(0, c.shards());
                Workspace workspace = new Workspace(c.shape(), x)) {
            PlainNet plain = new PlainNet(c.net(), w);
            Score found = new Score(classes);
            Score expected = new Score(classes);
            c.net().score(w, x, workspace, found);
            for (int r = 0; r < c.rows(); r++) {
                double[] y = plain.probabilities(batch.pixels()[r]);
                int best = 0;
                for (int k = 1; k < classes; k++) {
                    best = y[k] > y[best] ? k : best;
                }
                int label = batch.labels()[r];
                expected.add(label, best, plain.loss(batch.pixels()[r], label));
            }
            assertThat(confusion(found)).isDeepEqualTo(confusion(expected));
            assertThat(found.lossSum()).isCloseTo(expected.lossSum(), within(5e-6 * c.rows()));
            assertThat(found.examples()).isEqualTo(c.rows());
            assertThat(found.correct()).isEqualTo(expected.correct());
        }
    }

    private static long[][] confusion(Score score) {
        long[][] counts = new long[score.classes()][score.classes()];
        for (int label = 0; label < score.classes(); label++) {
            for (int prediction = 0; prediction < score.classes(); prediction++) {
                counts[label][prediction] = score.count(label, prediction);
            }
        }
        return counts;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gradientReturnsTheSumOfTheLossesAndWritesAllOfItsOutput(GradientCase c) {
        RandomBatch batch = c.batch();
        try (Parameters w = c.parameters();
                Parameters before = c.parameters();
                SparseBatch x = batch.sparse(0, c.shards());
                Parameters first = RandomNet.garbage(c.shape());
                Parameters second = new Parameters(c.shape())) {
            double sum = Backpropagation.gradient(c.net(), w, x, batch.tree(0, c.shards()), 0.5f, first);
            assertThat(sum).isCloseTo(new PlainNet(c.net(), w).lossSum(batch), within(5e-6 * c.rows()));
            Backpropagation.gradient(c.net(), w, x, batch.tree(0, c.shards()), 0.5f, second);
            RandomNet.assertSameBits("the gradient of the same batch", second, first);
            RandomNet.assertCleanGradient("gradient", first);
            RandomNet.assertSameBits("the parameters", w, before);
        }
    }

    @Test
    void ofEqualScoresTheLowestClassWins() {
        NetworkShape shape = new NetworkShape(4, 3, 5);
        TwoLayerNet net = new TwoLayerNet(shape, Activation.SIGMOID, Loss.CROSS_ENTROPY, new ScalarKernels());
        RandomBatch batch = RandomBatch.of(new int[] {6}, 4, 5, Regime.ORDINARY, new Random(1));
        try (Parameters w = new Parameters(shape);
                SparseBatch x = batch.sparse(0, 1);
                Workspace workspace = new Workspace(shape, x)) {
            assertThat(predictions(net, w, x, workspace)).containsExactly(6, 0, 0, 0, 0);
            w.setValues(ParameterTensor.B2, new float[] {-1, 0, 2, 0, 2});
            assertThat(predictions(net, w, x, workspace)).containsExactly(0, 0, 6, 0, 0);
            w.setValues(ParameterTensor.B2, new float[] {-1e30f, -1e30f, -1e30f, -1e30f, -1e29f});
            assertThat(predictions(net, w, x, workspace)).containsExactly(0, 0, 0, 0, 6);
        }
    }

    private static long[] predictions(TwoLayerNet net, Parameters w, SparseBatch x, Workspace workspace) {
        Score score = new Score(net.shape().outputs());
        net.score(w, x, workspace, score);
        long[] predictions = new long[score.classes()];
        for (int label = 0; label < score.classes(); label++) {
            for (int k = 0; k < score.classes(); k++) {
                predictions[k] += score.count(label, k);
            }
        }
        return predictions;
    }
}
