package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LingerChoiceTest {
    private static final int TRIAL = LingerChoice.TRIAL_STEPS;
    private static final int CYCLE = LingerChoice.KEPT_STEPS + 2 * TRIAL;

    private final LingerChoice choice = new LingerChoice();
    private long nowNanos = 1_000_000;

    /** Returns after how many of the steps workers lingered. */
    private int lingers(int steps, long lingeringNanos, long sleepingNanos) {
        int count = 0;
        for (int step = 0; step < steps; step++) {
            boolean lingers = choice.lingers(nowNanos);
            count += lingers ? 1 : 0;
            nowNanos += lingers ? lingeringNanos : sleepingNanos;
        }
        return count;
    }

    @Test
    void nobodyLingersBeforeItWasMeasured() {
        assertThat(lingers(LingerChoice.KEPT_STEPS + TRIAL, 1, 100)).isZero();
        assertThat(lingers(TRIAL, 1, 100)).isEqualTo(TRIAL);
    }

    @Test
    void mostStepsGoTheFasterWay() {
        assertThat(lingers(CYCLE, 300, 200)).isEqualTo(TRIAL);
        assertThat(lingers(CYCLE, 300, 200)).isEqualTo(TRIAL);
        assertThat(lingers(CYCLE, 200, 300)).isEqualTo(TRIAL);
        assertThat(lingers(CYCLE, 200, 300)).isEqualTo(CYCLE - TRIAL);
    }

    @Test
    void whenTheOtherWayGetsFasterItIsTakenSoon() {
        lingers(CYCLE, 200, 300);
        assertThat(lingers(CYCLE, 300, 200)).isEqualTo(CYCLE - TRIAL);
        assertThat(lingers(CYCLE, 200, 300)).isEqualTo(TRIAL);
        assertThat(lingers(CYCLE, 200, 300)).isEqualTo(CYCLE - TRIAL);
    }

    @Test
    void ofTwoWaysThatTakeTheSameTimeLingeringIsTaken() {
        lingers(CYCLE, 201, 200);
        assertThat(lingers(CYCLE, 201, 200)).isEqualTo(CYCLE - TRIAL);
    }

    @Test
    void fewLongStepsDoNotDecide() {
        lingers(LingerChoice.KEPT_STEPS + TRIAL, 200, 300);
        lingers(TRIAL - TRIAL / 4, 200, 300);
        lingers(TRIAL / 4, 10_000_000, 300);
        assertThat(lingers(CYCLE, 200, 300)).isEqualTo(CYCLE - TRIAL);
    }
}
