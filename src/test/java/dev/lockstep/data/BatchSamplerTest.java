package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class BatchSamplerTest {
    private static final long SEED = 4711;

    private static int[] batch(BatchSampler sampler, long step, int room) {
        int[] examples = new int[room];
        int size = sampler.fill(step, examples);
        assertThat(size).isEqualTo(sampler.size(step));
        return Arrays.copyOf(examples, size);
    }

    private static BatchSampler sampler(int examples, int validation, Sampling sampling, int batchSize) {
        return new BatchSampler(new Holdout(examples, validation, SEED), sampling, batchSize, SEED);
    }

    /** The examples of one epoch, in order. */
    private static List<Integer> epoch(BatchSampler sampler, int examples, int validation, int batchSize, long epoch) {
        long steps = BatchSampler.stepsPerEpoch(new Holdout(examples, validation, SEED), batchSize);
        List<Integer> visited = new ArrayList<>();
        for (long step = epoch * steps; step < (epoch + 1) * steps; step++) {
            int[] batch = batch(sampler, step, batchSize);
            boolean isLast = step == (epoch + 1) * steps - 1;
            int training = examples - validation;
            assertThat(batch).hasSize(isLast ? training - (int) (steps - 1) * batchSize : batchSize);
            Arrays.stream(batch).forEach(visited::add);
        }
        return visited;
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0, 1",
        "1, 0, 100",
        "2, 1, 3",
        "7, 0, 1",
        "10, 0, 5",
        "10, 0, 3",
        "10, 4, 4",
        "13, 0, 12",
        "13, 0, 13",
        "13, 0, 14",
        "64, 16, 7",
        "100, 99, 8",
        "100, 0, 1000",
        "257, 57, 32",
        "1000, 100, 33",
        "4097, 409, 100"
    })
    void anEpochVisitsEachTrainingExampleOnce(int examples, int validation, int batchSize) {
        BatchSampler sampler = sampler(examples, validation, Sampling.EPOCH, batchSize);
        Set<List<Integer>> orders = new HashSet<>();
        List<Integer> training = new ArrayList<>();
        for (int example = 0; example < examples; example++) {
            if (!sampler.isHeldOut(example)) {
                training.add(example);
            }
        }
        for (long epoch : new long[] {0, 1, 2, 1_000_000}) {
            List<Integer> visited = epoch(sampler, examples, validation, batchSize, epoch);
            assertThat(visited).containsExactlyInAnyOrderElementsOf(training);
            orders.add(visited);
        }
        if (training.size() >= 10) {
            assertThat(orders).as("each epoch has an order of its own").hasSize(4);
            assertThat(orders).doesNotContain(training);
        }
    }

    @Test
    void drawsWithReplacementAreUniform() {
        BatchSampler sampler = sampler(60, 10, Sampling.REPLACEMENT, 97);
        long[] counts = new long[60];
        long[] pairs = new long[50 * 50];
        int[] place = new int[60];
        int training = 0;
        for (int example = 0; example < 60; example++) {
            place[example] = sampler.isHeldOut(example) ? -1 : training++;
        }
        for (long step = 0; step < 1_500; step++) {
            int[] batch = batch(sampler, step, 97);
            for (int i = 0; i < batch.length; i++) {
                counts[batch[i]]++;
                if (i > 0) {
                    pairs[place[batch[i - 1]] * 50 + place[batch[i]]]++;
                }
            }
        }
        long[] drawn = Arrays.stream(counts).filter(count -> count > 0).toArray();
        assertThat(drawn).as("examples that were ever drawn").hasSize(50);
        BatchSamplerChiSquare.assertUniform("draws, seed " + SEED, drawn);
        BatchSamplerChiSquare.assertUniform("neighbours in a batch, seed " + SEED, pairs);
    }

    @Test
    void aBatchWithReplacementMayExceedTheExamples() {
        int[] batch = batch(sampler(3, 0, Sampling.REPLACEMENT, 200), 5, 200);
        assertThat(batch).hasSize(200).contains(0, 1, 2).containsOnly(0, 1, 2);
    }

    @ParameterizedTest
    @EnumSource(Sampling.class)
    void batchesDependOnSeedAndStepAlone(Sampling sampling) {
        List<Long> steps = new ArrayList<>();
        for (long step = 0; step < 60; step++) {
            steps.add(step);
        }
        steps.add(1L << 40);
        BatchSampler inOrder = sampler(101, 11, sampling, 16);
        List<int[]> expected = steps.stream().map(s -> batch(inOrder, s, 16)).toList();
        List<Integer> shuffled = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            shuffled.add(i);
            shuffled.add(i);
        }
        Collections.shuffle(shuffled, new Random(SEED));
        BatchSampler anyOrder = sampler(101, 11, sampling, 16);
        for (int i : shuffled) {
            assertThat(batch(anyOrder, steps.get(i), 16)).isEqualTo(expected.get(i));
            assertThat(batch(sampler(101, 11, sampling, 16), steps.get(i), 16)).isEqualTo(expected.get(i));
        }
        BatchSampler otherSeed = new BatchSampler(new Holdout(101, 11, SEED), sampling, 16, SEED + 1);
        assertThat(batch(otherSeed, 0, 16)).isNotEqualTo(expected.get(0));
        assertThat(new HashSet<>(expected.stream().map(Arrays::toString).toList()))
                .as("no batch comes twice")
                .hasSize(steps.size());
    }

    @ParameterizedTest
    @EnumSource(Sampling.class)
    void heldOutExamplesAreNeverDrawn(Sampling sampling) {
        BatchSampler sampler = sampler(50, 20, sampling, 9);
        for (long step = 0; step < 500; step++) {
            for (int example : batch(sampler, step, 9)) {
                assertThat(sampler.isHeldOut(example))
                        .as("example %d, step %d", example, step)
                        .isFalse();
            }
        }
    }

    /**
     * What published runs and checkpoints rest on: these numbers never change. They were computed once more outside Java
     * from the definitions in CounterRandom, Permutation and BatchSampler.
     */
    @Test
    void goldenBatches() {
        Holdout whole = new Holdout(60_000, 0, 1);
        Holdout split = new Holdout(60_000, 6_000, 1);
        assertThat(batch(new BatchSampler(whole, Sampling.REPLACEMENT, 8, 1), 0, 8))
                .containsExactly(17111, 43713, 13309, 52617, 20476, 42747, 17933, 618);
        assertThat(batch(new BatchSampler(whole, Sampling.REPLACEMENT, 8, 1), 9_999, 8))
                .containsExactly(26748, 20427, 9728, 44476, 19935, 18914, 14957, 30679);
        assertThat(batch(new BatchSampler(split, Sampling.REPLACEMENT, 8, 1), 9_999, 8))
                .containsExactly(20140, 40662, 15385, 18091, 35098, 24439, 59316, 3137);
        assertThat(batch(new BatchSampler(whole, Sampling.EPOCH, 8, 1), 7_500, 8))
                .containsExactly(51628, 22871, 40972, 16260, 37776, 52429, 20261, 23301);
        assertThat(batch(new BatchSampler(split, Sampling.EPOCH, 8, -3), 6_751, 8))
                .containsExactly(30640, 55822, 25063, 34296, 47068, 45024, 35460, 48208);
    }

    @Test
    void aBatchOfNothingIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> sampler(5, 0, Sampling.EPOCH, 0))
                .withMessageContaining("batch size 0");
    }
}
