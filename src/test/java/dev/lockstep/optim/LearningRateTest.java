package dev.lockstep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.optim.LearningRate.Schedule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LearningRateTest {
    private static final float BASE = 0.8f;

    private static LearningRate rate(Schedule schedule, long warmupSteps) {
        return new LearningRate(BASE, schedule, warmupSteps, 30, 0.5f, 110);
    }

    @Test
    void constantStays() {
        LearningRate rate = rate(Schedule.CONSTANT, 0);
        assertThat(rate.at(0)).isEqualTo(BASE);
        assertThat(rate.at(1L << 40)).isEqualTo(BASE);
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void warmUpRisesInALineToTheBase(Schedule schedule) {
        LearningRate rate = rate(schedule, 10);
        for (int step = 0; step < 10; step++) {
            assertThat(rate.at(step)).as("step %d", step).isCloseTo(BASE * (step + 1) / 10, within(1e-7f));
        }
        assertThat(rate.at(9)).isEqualTo(BASE);
        assertThat(rate.at(10)).as("the schedule begins after warm-up").isEqualTo(BASE);
    }

    @ParameterizedTest
    @CsvSource({"0, 0.8", "29, 0.8", "30, 0.4", "59, 0.4", "60, 0.2", "89, 0.2", "90, 0.1", "109, 0.1"})
    void stepFallsAtItsBorders(long step, float expected) {
        assertThat(rate(Schedule.STEP, 0).at(step)).isEqualTo(expected);
        assertThat(rate(Schedule.STEP, 7).at(step + 7)).as("after warm-up").isEqualTo(expected);
    }

    @Test
    void cosineFallsFromBaseToZero() {
        LearningRate rate = rate(Schedule.COSINE, 10);
        assertThat(rate.at(10)).isEqualTo(BASE);
        assertThat(rate.at(35)).as("a quarter").isCloseTo((float) (BASE * (1 + Math.sqrt(0.5)) / 2), within(1e-7f));
        assertThat(rate.at(60)).as("half-way").isCloseTo(BASE / 2, within(1e-7f));
        assertThat(rate.at(110)).as("the end").isZero();
        assertThat(rate.at(1_000)).as("beyond the end").isZero();
        assertThat(rate.at(109)).as("the last step still learns").isPositive();
        for (int step = 11; step < 110; step++) {
            assertThat(rate.at(step)).as("step %d", step).isLessThan(rate.at(step - 1));
        }
    }

    @Test
    void warmUpAsLongAsTheRunLeavesNothingToFallFrom() {
        LearningRate rate = new LearningRate(BASE, Schedule.COSINE, 5, 1, 1f, 5);
        assertThat(rate.at(4)).isEqualTo(BASE);
        assertThat(rate.at(5)).isEqualTo(BASE);
    }
}
