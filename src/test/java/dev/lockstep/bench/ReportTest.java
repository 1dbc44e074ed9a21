package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is told of it all, and the control. */
class ReportTest {
    private static final List<String> NOBODY = new ArrayList<>();

    private static Row row(String key, String peer, double must) {
        return new Row(key, "the work of " + key, Side.STEP_MILLIS, "ms", peer, Row.Kind.PEER_OVER_OURS, must, 6);
    }

    /** A row that is reached, two that are missed, one whose peer is absent. */
    private static Report report(List<Control.Growth> growths) {
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, new ScriptedSide("ours", NOBODY, 0.125, 0.5));
        sides.put("Peer", new ScriptedSide("peer", NOBODY, 0.5, 0.75));
        sides.put("Absent", () -> {
            throw new AbsentException("there is none");
        });
        Experiment experiment = new Experiment(
                "experiment",
                List.of(
                        row("good", "Peer", 1.5),
                        row("bad", "Peer", 3),
                        row("worse", "Peer", 4),
                        row("gone", "Absent", 3)),
                sides,
                rounds -> List.of(),
                rounds -> List.of("31%  a kernel"));
        Map<String, Experiment.Outcome> outcomes =
                Map.of("experiment", experiment.measure(Set.of("good", "bad", "worse", "gone"), 2, line -> {}));
        return new Report(Map.of("cpu", "a processor"), "/data", 2, false, outcomes, growths);
    }

    private static List<Control.Growth> control(Side once, Side twice) {
        return new Control(
                        "control", Side.STEP_MILLIS, Map.of("ours", once), Map.of("ours", twice), Control.Bounds.REAL)
                .measure(2, line -> {});
    }

    private static List<Control.Growth> control(double once, double twice) {
        return control(new ScriptedSide("once", NOBODY, once, once), new ScriptedSide("twice", NOBODY, twice, twice));
    }

    @Test
    void textTellsWhatIsMissedAndWhereTheTimeGoes() {
        List<String> lines = report(control(1, 2)).text().lines().toList();
        assertThat(lines)
                .filteredOn(line -> line.startsWith("good "))
                .hasSize(1)
                .allMatch(line -> line.contains("reached")
                        && line.contains("0.313 ms")
                        && line.contains("Peer 0.625")
                        && line.contains(" 2 ")
                        && line.contains(">= 1.5"));
        assertThat(lines)
                .filteredOn(line -> line.startsWith("bad "))
                .hasSize(1)
                .allMatch(line -> line.contains("MISSED"));
        assertThat(lines)
                .filteredOn(line -> line.startsWith("gone "))
                .hasSize(1)
                .allMatch(line -> line.contains("NOT MEASURED"));
        assertThat(lines).containsSubsequence("bad, worse: missed. Where the time goes:", "    31%  a kernel");
        assertThat(lines).contains("gone: NOT MEASURED: there is none");
        assertThat(lines.get(0)).isEqualTo("cpu a processor");
    }

    @Test
    void markdownHasALineForEachRow() {
        assertThat(report(List.of()).markdown().lines())
                .contains(
                        "| the work of good | 0.313 ms | Peer 0.625 | 2 | >= 1.5 | >= 6 | reached |",
                        "| the work of bad | 0.313 ms | Peer 0.625 | 2 | >= 3 | >= 6 | MISSED |",
                        "| the work of gone | 0.313 ms | Absent - |  | >= 3 | >= 6 | NOT MEASURED |");
    }

    @Test
    void jsonHoldsRowsControlsAndEveryRound() throws IOException {
        JsonNode json =
                new ObjectMapper().readTree(report(control(1, 2.5)).json().toString());
        assertThat(json.path("machine").path("cpu").asText()).isEqualTo("a processor");
        assertThat(json.path("repeat").asInt()).isEqualTo(2);
        assertThat(json.path("quick").isBoolean()).isTrue();
        assertThat(json.path("rows")).hasSize(4);
        JsonNode good = json.path("rows").path(0);
        assertThat(good.path("row").asText()).isEqualTo("good");
        assertThat(good.path("ours").path("median").asDouble()).isEqualTo(0.3125);
        assertThat(good.path("ours").path("samples").toString()).isEqualTo("[0.125,0.5]");
        assertThat(good.path("peer").path("name").asText()).isEqualTo("Peer");
        assertThat(good.path("peer").path("median").asDouble()).isEqualTo(0.625);
        assertThat(good.path("value").asDouble()).isEqualTo(2);
        assertThat(good.path("must_reach").asDouble()).isEqualTo(1.5);
        assertThat(good.path("aim_jdk_25").asDouble()).isEqualTo(6);
        assertThat(good.path("bound").asText()).isEqualTo("at least");
        assertThat(good.path("verdict").asText()).isEqualTo("reached");
        JsonNode bad = json.path("rows").path(1);
        assertThat(bad.path("verdict").asText()).isEqualTo("missed");
        assertThat(bad.path("profile").path(0).asText()).isEqualTo("31%  a kernel");
        JsonNode gone = json.path("rows").path(3);
        assertThat(gone.path("verdict").asText()).isEqualTo("not_measured");
        assertThat(gone.path("reason").asText()).isEqualTo("there is none");
        assertThat(gone.path("value").isNull()).as("JSON has no NaN").isTrue();
        assertThat(gone.path("peer").path("median").isNull()).isTrue();
        JsonNode control = json.path("controls").path(0);
        assertThat(control.path("ratio").asDouble()).isEqualTo(2.5);
        assertThat(control.path("grows").asBoolean()).isTrue();
        assertThat(json.path("rounds")
                        .path("experiment")
                        .path("Peer")
                        .path(1)
                        .path(Side.STEP_MILLIS)
                        .asDouble())
                .isEqualTo(0.75);
    }

    @Test
    void aControlThatDoesNotGrowFailsTheBenchmark() {
        assertThat(report(control(1, 2)).isFailed()).isFalse();
        assertThat(report(control(1, 1.5)).isFailed()).isFalse();
        assertThat(report(control(1, 1.4)).isFailed()).as("too little").isTrue();
        assertThat(report(control(1, 1)).isFailed()).as("not at all").isTrue();
        assertThat(report(control(1, 3.1)).isFailed()).as("too much").isTrue();
        assertThat(report(control(1, 1)).text())
                .contains("control: control, ours: twice the work takes 1 times", "FAILED");
    }

    @Test
    void aControlWhoseRunFailsFailsTheBenchmarkButNotOneWithoutPeer() {
        Side works = new ScriptedSide("once", NOBODY, 1, 1);
        Side fails = () -> {
            throw new RunFailedException("it ended with status 1");
        };
        Side absent = () -> {
            throw new AbsentException("there is none");
        };
        assertThat(report(control(works, fails)).isFailed()).isTrue();
        assertThat(report(control(absent, absent)).isFailed()).isFalse();
        assertThat(report(control(absent, absent)).text())
                .contains("control: control, ours: NOT MEASURED: there is none");
    }

    @Test
    void aRowThatFailsFailsTheBenchmark() {
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, () -> {
            throw new RunFailedException("it ended with status 1");
        });
        Experiment experiment = new Experiment(
                "experiment", List.of(row("a", "Peer", 1)), sides, rounds -> List.of(), rounds -> List.of());
        Report report = new Report(
                Map.of(),
                "/data",
                1,
                true,
                Map.of("experiment", experiment.measure(Set.of("a"), 1, line -> {})),
                List.of());
        assertThat(report.isFailed()).isTrue();
        assertThat(report.text()).contains("a: FAILED: it ended with status 1").startsWith("QUICK");
    }
}
