package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.bench.Result.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Who has his turn when, and what becomes of those who are absent or fail. */
class ExperimentTest {
    private final List<String> turns = new ArrayList<>();
    private final List<String> log = new ArrayList<>();
    private final Map<String, Side> sides = new LinkedHashMap<>();
    private int profiles;

    private static Row row(String key, String peer, double must) {
        return new Row(key, "work", Side.STEP_MILLIS, "ms", peer, Row.Kind.PEER_OVER_OURS, must, Double.NaN);
    }

    private List<Result> measure(int repeat, Set<String> keys, Row... rows) {
        Experiment experiment =
                new Experiment("experiment", List.of(rows), sides, rounds -> List.of("detail"), rounds -> {
                    profiles++;
                    return List.of("a kernel");
                });
        return experiment.measure(keys, repeat, log::add).results();
    }

    @Test
    void allHaveTheirTurnInEveryRound() {
        sides.put(Experiment.OURS, new ScriptedSide("ours", turns, 1, 2, 9));
        sides.put("Peer", new ScriptedSide("peer", turns, 8, 6, 5));
        Result result = measure(3, Set.of("a"), row("a", "Peer", 3)).get(0);
        assertThat(turns).containsExactly("ours", "peer", "ours", "peer", "ours", "peer");
        assertThat(result.ours().values()).containsExactly(1.0, 2.0, 9.0);
        assertThat(result.theirs().values()).containsExactly(8.0, 6.0, 5.0);
        assertThat(result.value()).isEqualTo(3);
        assertThat(result.verdict()).isEqualTo(Verdict.REACHED);
        assertThat(result.details()).containsExactly("detail");
        assertThat(profiles).as("nothing was missed").isZero();
    }

    @Test
    void onlyWhoIsComparedInAWantedRowRuns() {
        sides.put(Experiment.OURS, new ScriptedSide("ours", turns, 1));
        sides.put("Peer", new ScriptedSide("peer", turns, 8));
        sides.put("Other", new ScriptedSide("other", turns, 8));
        List<Result> results = measure(1, Set.of("b"), row("a", "Peer", 3), row("b", "Other", 3));
        assertThat(turns).containsExactly("ours", "other");
        assertThat(results).extracting(result -> result.row().key()).containsExactly("b");
    }

    @Test
    void whatIsMissedIsProfiledOnce() {
        sides.put(Experiment.OURS, new ScriptedSide("ours", turns, 4));
        sides.put("Peer", new ScriptedSide("peer", turns, 8));
        List<Result> results =
                measure(1, Set.of("a", "b", "c"), row("a", "Peer", 3), row("b", "Peer", 2), row("c", "Peer", 2.5));
        assertThat(results)
                .extracting(Result::verdict)
                .containsExactly(Verdict.MISSED, Verdict.REACHED, Verdict.MISSED);
        assertThat(results)
                .extracting(Result::profile)
                .containsExactly(List.of("a kernel"), List.of(), List.of("a kernel"));
        assertThat(profiles).isEqualTo(1);
    }

    @Test
    void anAbsentPeerIsNamedAndOursIsMeasuredAllTheSame() {
        sides.put(Experiment.OURS, new ScriptedSide("ours", turns, 4, 5));
        sides.put("Peer", () -> {
            turns.add("absent");
            throw new AbsentException("there is no peer");
        });
        Result result = measure(2, Set.of("a"), row("a", "Peer", 3)).get(0);
        assertThat(turns).as("it is not asked again").containsExactly("ours", "absent", "ours");
        assertThat(result.verdict()).isEqualTo(Verdict.NOT_MEASURED);
        assertThat(result.reason()).isEqualTo("there is no peer");
        assertThat(result.ours().median()).isEqualTo(4.5);
        assertThat(log).anyMatch(line -> line.contains("NOT MEASURED: there is no peer"));
    }

    @Test
    void aRunThatFailsIsAFailureAndOthersGoOn() {
        sides.put(Experiment.OURS, new ScriptedSide("ours", turns, 4, 5));
        sides.put("Peer", () -> {
            throw new RunFailedException("it ended with status 3");
        });
        sides.put("Other", new ScriptedSide("other", turns, 8, 9));
        List<Result> results = measure(2, Set.of("a", "b"), row("a", "Peer", 1), row("b", "Other", 1));
        assertThat(results).extracting(Result::verdict).containsExactly(Verdict.FAILED, Verdict.REACHED);
        assertThat(results.get(0).reason()).isEqualTo("it ended with status 3");
    }

    @Test
    void theShortestTrainingThatIsGoodEnoughIsFoundOnce() throws Exception {
        List<Integer> lengths = new ArrayList<>();
        UntilAccuracy side = new UntilAccuracy(
                length -> {
                    lengths.add(length);
                    return Map.of(Side.FIT_SECONDS, (double) length, Side.TEST_ACCURACY, length < 100 ? 0.9679 : 0.968);
                },
                80,
                10,
                200);
        assertThat(side.run()).containsEntry(Side.FIT_SECONDS, 100.0);
        assertThat(side.run()).containsEntry(Side.FIT_SECONDS, 100.0);
        assertThat(lengths).containsExactly(80, 90, 100, 100);
    }

    @Test
    void aTrainingThatIsNeverGoodEnoughFails() {
        sides.put(
                Experiment.OURS,
                new UntilAccuracy(length -> Map.of(Side.STEP_MILLIS, 1.0, Side.TEST_ACCURACY, 0.9), 1, 1, 3));
        sides.put("Peer", new ScriptedSide("peer", turns, 8));
        Result result = measure(1, Set.of("a"), row("a", "Peer", 1)).get(0);
        assertThat(result.verdict()).isEqualTo(Verdict.FAILED);
        assertThat(result.reason()).contains("0.968", "0.9 after 3");
    }
}
