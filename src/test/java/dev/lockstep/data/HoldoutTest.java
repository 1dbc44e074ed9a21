package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HoldoutTest {
    private static BitSet heldOut(Holdout holdout) {
        BatchSampler sampler = new BatchSampler(holdout, Sampling.EPOCH, 1, holdout.seed() + 1);
        BitSet heldOut = new BitSet();
        for (int example = 0; example < holdout.examples(); example++) {
            heldOut.set(example, sampler.isHeldOut(example));
        }
        return heldOut;
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "2, 1", "10, 0", "10, 3", "10, 9", "333, 33", "60000, 6000"})
    void trainingAndValidationTogetherAreAll(int examples, int validation) {
        Holdout holdout = new Holdout(examples, validation, 5);
        BitSet heldOut = heldOut(holdout);
        assertThat(heldOut.cardinality()).isEqualTo(validation);
        assertThat(holdout.training()).isEqualTo(examples - validation);
        BatchSampler sampler = new BatchSampler(holdout, Sampling.EPOCH, 1, 77);
        BitSet drawn = new BitSet();
        int[] batch = new int[1];
        for (long step = 0; step < BatchSampler.stepsPerEpoch(holdout, 1); step++) {
            sampler.fill(step, batch);
            drawn.set(batch[0]);
        }
        assertThat(drawn.intersects(heldOut)).as("drawn and held out").isFalse();
        assertThat(drawn.cardinality()).isEqualTo(holdout.training());
    }

    @Test
    void theSeedChoosesWhoIsHeldOut() {
        BitSet one = heldOut(new Holdout(200, 50, 1));
        assertThat(heldOut(new Holdout(200, 50, 1))).isEqualTo(one);
        assertThat(heldOut(new Holdout(200, 50, 2))).isNotEqualTo(one);
        assertThat(one.nextSetBit(0)).as("not simply the last ones").isLessThan(150);
    }

    @Test
    void everyExampleIsHeldOutAsOftenAsAnyOther() {
        long[] counts = new long[30];
        for (long seed = 0; seed < 20_000; seed++) {
            BatchSampler sampler = new BatchSampler(new Holdout(30, 1, seed), Sampling.EPOCH, 1, 0);
            for (int example = 0; example < 30; example++) {
                counts[example] += sampler.isHeldOut(example) ? 1 : 0;
            }
        }
        BatchSamplerChiSquare.assertUniform("held-out example, seeds 0 to 19999", counts);
    }

    @ParameterizedTest
    @CsvSource({"10, 10", "10, 11", "10, -1", "0, 0"})
    void somethingMustBeLeftToTrainWith(int examples, int validation) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Holdout(examples, validation, 1))
                .withMessageContaining(validation + " of " + examples);
    }
}
