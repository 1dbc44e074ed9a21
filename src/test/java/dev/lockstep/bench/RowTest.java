package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.bench.Result.Verdict;
import dev.lockstep.bench.Row.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The table's arithmetic. */
class RowTest {
    private static Row row(Kind kind, double must) {
        return new Row("key", "work", Side.STEP_MILLIS, "ms", "Peer", kind, must, 2 * must);
    }

    private static Result result(Row row, List<Double> ours, List<Double> theirs) {
        return new Result(
                row, new Samples("Lockstep", ours), new Samples("Peer", theirs), "", false, List.of(), List.of());
    }

    @Test
    void medianIsTheMiddleOneWhateverTheOrder() {
        assertThat(new Samples("a", List.of(9.0, 1.0, 2.0)).median()).isEqualTo(2);
        assertThat(new Samples("a", List.of(100.0, 1.0, 4.0, 2.0)).median()).isEqualTo(3);
        assertThat(new Samples("a", List.of(7.0)).median()).isEqualTo(7);
        assertThat(new Samples("a", List.of()).median()).isNaN();
    }

    @Test
    void timesAreComparedPeerOverOurs() {
        Result result = result(row(Kind.PEER_OVER_OURS, 3), List.of(2.0, 1.0, 40.0), List.of(6.0, 5.0, 7.0));
        assertThat(result.value()).as("6 / 2").isEqualTo(3);
        assertThat(result.verdict()).as("as much as must be").isEqualTo(Verdict.REACHED);
        assertThat(result(row(Kind.PEER_OVER_OURS, 3.01), List.of(2.0), List.of(6.0))
                        .verdict())
                .isEqualTo(Verdict.MISSED);
    }

    @Test
    void ratesAreComparedOursOverPeer() {
        Result result = result(row(Kind.OURS_OVER_PEER, 4), List.of(8.0), List.of(2.5));
        assertThat(result.value()).isEqualTo(3.2);
        assertThat(result.verdict()).isEqualTo(Verdict.MISSED);
        assertThat(result(row(Kind.OURS_OVER_PEER, 3), List.of(8.0), List.of(2.5))
                        .verdict())
                .isEqualTo(Verdict.REACHED);
    }

    @Test
    void oursAloneIsJudgedWithoutThePeer() {
        assertThat(result(row(Kind.OURS_AT_LEAST, 10), List.of(9.0), List.of(1.0))
                        .verdict())
                .isEqualTo(Verdict.MISSED);
        assertThat(result(row(Kind.OURS_AT_LEAST, 10), List.of(10.0), List.of()).verdict())
                .isEqualTo(Verdict.REACHED);
        assertThat(result(row(Kind.OURS_AT_MOST, 10), List.of(9.0), List.of()).verdict())
                .isEqualTo(Verdict.REACHED);
        assertThat(result(row(Kind.OURS_AT_MOST, 10), List.of(11.0), List.of(1.0))
                        .verdict())
                .isEqualTo(Verdict.MISSED);
    }

    @Test
    void whatIsNotMeasuredIsNeitherReachedNorMissed() {
        assertThat(result(row(Kind.PEER_OVER_OURS, 3), List.of(2.0), List.of()).verdict())
                .isEqualTo(Verdict.NOT_MEASURED);
        assertThat(result(row(Kind.OURS_AT_LEAST, 3), List.of(), List.of(1.0)).verdict())
                .isEqualTo(Verdict.NOT_MEASURED);
        assertThat(result(row(Kind.PEER_OVER_OURS, Double.NaN), List.of(2.0), List.of(1.0))
                        .verdict())
                .isEqualTo(Verdict.NOTHING_ASKED);
    }

    @Test
    void numbersShowThreeDigits() {
        assertThat(List.of(
                        Row.number(0.14156),
                        Row.number(3),
                        Row.number(1.584),
                        Row.number(0.3),
                        Row.number(44.44),
                        Row.number(120.6),
                        Row.number(1_000_000),
                        Row.number(0),
                        Row.number(Double.NaN)))
                .containsExactly("0.142", "3", "1.58", "0.3", "44.4", "121", "1,000,000", "0", "");
        assertThat(row(Kind.OURS_AT_MOST, 12).bound(12)).isEqualTo("<= 12");
        assertThat(row(Kind.PEER_OVER_OURS, 2.5).bound(2.5)).isEqualTo(">= 2.5");
        assertThat(row(Kind.PEER_OVER_OURS, 2.5).bound(Double.NaN)).isEmpty();
    }
}
