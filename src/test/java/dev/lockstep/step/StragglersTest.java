package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Steps of two and more members, in times that the test makes up. */
class StragglersTest {
    private static final long MILLI = 1_000_000;

    private final Stragglers stragglers = new Stragglers();
    private final List<Seats.Seat> seats = new ArrayList<>();
    private long now = Long.MAX_VALUE - 5 * MILLI; // clocks may overflow

    private Seats.Seat seat(String name) {
        Seats.Seat seat = new Seats.Seat(name, null, null);
        seat.steps = Stragglers.WARM_UP_STEPS;
        seats.add(seat);
        return seat;
    }

    /** One step; each pair is a member and when it delivers. Returns who is named. */
    private Seats.Seat step(Object... deliveries) {
        long began = now;
        stragglers.begin(began, true);
        for (int i = 0; i < deliveries.length; i += 2) {
            now = began + (int) deliveries[i + 1] * MILLI;
            stragglers.delivered((Seats.Seat) deliveries[i], now);
        }
        return stragglers.end(seats);
    }

    @Test
    void whoCostsMoreThanHalfOfASecondOfStepsIsNamedOnce() {
        Seats.Seat quick = seat("quick");
        Seats.Seat slow = seat("slow");
        for (int i = 0; i < 9; i++) {
            assertThat(step(quick, 40, slow, 100)).as("step %d", i).isNull();
        }
        assertThat(step(quick, 40, slow, 100)).isSameAs(slow);
        assertThat(slow.straggling).isEqualTo("600 ms of the last 1000 ms of training (10 steps)");
        for (int i = 0; i < 40; i++) {
            assertThat(step(quick, 40, slow, 100)).isNull();
        }
    }

    @Test
    void oneLongStepIsEnough() {
        Seats.Seat quick = seat("quick");
        Seats.Seat slow = seat("slow");
        assertThat(step(quick, 100, slow, 5_000)).isSameAs(slow);
    }

    @Test
    void whoCostsHalfOrIsLastInTurnIsNot() {
        Seats.Seat a = seat("a");
        Seats.Seat b = seat("b");
        Seats.Seat c = seat("c");
        for (int i = 0; i < 100; i++) {
            assertThat(step(a, 10, b, 50, c, 100)).isNull();
        }
        for (int i = 0; i < 100; i++) {
            assertThat(i % 2 == 0 ? step(a, 10, b, 100) : step(b, 10, a, 100)).isNull();
        }
    }

    @Test
    void whoIsAloneOrHasJustComeOrDoesTheShareOfALostOneIsNot() {
        Seats.Seat a = seat("a");
        Seats.Seat b = seat("b");
        for (int i = 0; i < 100; i++) {
            assertThat(step(a, 1_000)).isNull();
        }
        b.steps = 0;
        for (int i = 0; i < Stragglers.WARM_UP_STEPS; i++) {
            assertThat(step(a, 10, b, 1_000)).isNull();
        }
        stragglers.begin(now, true);
        stragglers.delivered(a, now + MILLI);
        stragglers.disturb();
        stragglers.delivered(b, now + 10_000 * MILLI);
        assertThat(stragglers.end(seats)).isNull();
        assertThat(step(a, 10, b, 1_000)).isSameAs(b);
    }
}
