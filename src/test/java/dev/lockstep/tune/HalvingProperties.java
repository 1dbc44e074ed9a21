package dev.lockstep.tune;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Scale;

/** How many trials get how many steps. */
class HalvingProperties {
    @Property(tries = 1000, seed = "1")
    void rungs(
            @ForAll @IntRange(min = 1, max = 1000) int trials,
            @ForAll @IntRange(min = 1, max = 9) int eta,
            @ForAll @Scale(3) @DoubleRange(min = 0.001, max = 1) double minShare,
            @ForAll @LongRange(min = 1, max = 1L << 40) long totalSteps) {
        List<Halving.Rung> rungs = new Halving(trials, eta, minShare).rungs();
        assertThat(rungs.get(0).trials()).isEqualTo(trials);
        assertThat(rungs.get(rungs.size() - 1).steps(totalSteps)).isEqualTo(totalSteps);
        assertThat(rungs.get(0).divisor() * minShare).isLessThanOrEqualTo(1);
        for (int k = 1; k < rungs.size(); k++) {
            assertThat(rungs.get(k).trials()).isBetween(1, rungs.get(k - 1).trials() / eta);
            assertThat(rungs.get(k).divisor() * eta).isEqualTo(rungs.get(k - 1).divisor());
            assertThat(rungs.get(k).steps(totalSteps))
                    .isGreaterThanOrEqualTo(rungs.get(k - 1).steps(totalSteps));
        }
        // Not one rung fewer than there could be.
        boolean isLast = eta == 1
                || rungs.get(rungs.size() - 1).trials() < eta
                || rungs.get(0).divisor() * eta * minShare > 1;
        assertThat(isLast).isTrue();
    }

    @Example
    void asInTheBook() {
        List<Halving.Rung> rungs = new Halving(81, 3, 0.01).rungs();
        assertThat(rungs).extracting(Halving.Rung::trials).containsExactly(81, 27, 9, 3, 1);
        assertThat(rungs).extracting(rung -> rung.steps(8100)).containsExactly(100L, 300L, 900L, 2700L, 8100L);
        assertThat(new Halving(81, 3, 0.1).rungs())
                .extracting(Halving.Rung::trials)
                .containsExactly(81, 27, 9);
        assertThat(new Halving(81, 1, 0.1).rungs()).containsExactly(new Halving.Rung(81, 1));
    }
}
