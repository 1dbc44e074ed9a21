package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WaitChoiceTest {
    private static final int CYCLE = 2 * WaitChoice.TRIAL_STEPS + WaitChoice.KEPT_STEPS;

    private final WaitChoice choice = new WaitChoice();
    private long nowNanos = 1_000_000;

    /** Returns in how many of the steps it yielded. */
    private int yields(int steps, long yieldingNanos, long parkingNanos) {
        int count = 0;
        for (int step = 0; step < steps; step++) {
            boolean yields = choice.yields(nowNanos);
            count += yields ? 1 : 0;
            nowNanos += yields ? yieldingNanos : parkingNanos;
        }
        return count;
    }

    @Test
    void mostStepsGoTheFasterWay() {
        assertThat(yields(CYCLE, 300, 200)).isEqualTo(WaitChoice.TRIAL_STEPS);
        assertThat(yields(CYCLE, 300, 200)).isEqualTo(WaitChoice.TRIAL_STEPS);
    }

    @Test
    void whenTheOtherWayGetsFasterItIsTakenSoon() {
        assertThat(yields(CYCLE, 200, 300)).isEqualTo(CYCLE - WaitChoice.TRIAL_STEPS);
        assertThat(yields(CYCLE, 300, 200)).isEqualTo(WaitChoice.TRIAL_STEPS);
        assertThat(yields(CYCLE, 200, 300)).isEqualTo(CYCLE - WaitChoice.TRIAL_STEPS);
    }

    @Test
    void fewLongStepsDoNotDecide() {
        int before = WaitChoice.TRIAL_STEPS - WaitChoice.TRIAL_STEPS / 4;
        int count = yields(before, 200, 300);
        count += yields(WaitChoice.TRIAL_STEPS / 4, 10_000_000, 300);
        count += yields(CYCLE - WaitChoice.TRIAL_STEPS, 200, 300);
        assertThat(count).isEqualTo(CYCLE - WaitChoice.TRIAL_STEPS);
    }
}
