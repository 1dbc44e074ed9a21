package dev.lockstep.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.net.Score;
import java.io.IOException;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Metrics of a confusion matrix that was worked out by hand. */
class MetricsTest {
    private static final Offset<Double> EXACT = within(1e-15);

    /**
     * Rows are true classes:
     *
     * <pre>
     *   5 1 0 0     recall 5/6    precision 5/7    F1 10/13
     *   2 3 0 0     recall 3/5    precision 3/5    F1 3/5
     *   0 1 0 0     recall 0      precision 0/0    F1 0      never predicted
     *   0 0 0 0     recall 0/0    precision 0/0    F1 0      not there at all
     * </pre>
     */
    private static final long[][] CONFUSION = {{5, 1, 0, 0}, {2, 3, 0, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}};

    private final Metrics metrics = new Metrics(score(CONFUSION));

    private static Score score(long[][] confusion) {
        Score score = new Score(confusion.length);
        for (int label = 0; label < confusion.length; label++) {
            for (int prediction = 0; prediction < confusion.length; prediction++) {
                for (long n = 0; n < confusion[label][prediction]; n++) {
                    score.add(label, prediction, 0.25);
                }
            }
        }
        return score;
    }

    @Test
    void precisionIsOfThoseTakenForTheClass() {
        assertThat(metrics.precision(0)).isCloseTo(5.0 / 7, EXACT);
        assertThat(metrics.precision(1)).isCloseTo(3.0 / 5, EXACT);
        assertThat(metrics.precision(2)).as("a share of nothing").isZero();
        assertThat(metrics.precision(3)).isZero();
    }

    @Test
    void recallIsOfThoseOfTheClass() {
        assertThat(metrics.recall(0)).isCloseTo(5.0 / 6, EXACT);
        assertThat(metrics.recall(1)).isCloseTo(3.0 / 5, EXACT);
        assertThat(metrics.recall(2)).isZero();
        assertThat(metrics.recall(3)).as("a share of nothing").isZero();
    }

    @Test
    void f1IsTheHarmonicMean() {
        assertThat(metrics.f1(0)).isCloseTo(10.0 / 13, EXACT);
        assertThat(metrics.f1(1)).isCloseTo(0.6, EXACT);
        assertThat(metrics.f1(2)).as("not 0/0").isZero();
        assertThat(metrics.f1(3)).isZero();
    }

    @Test
    void examplesAreCountedByTheirLabel() {
        assertThat(List.of(metrics.examples(0), metrics.examples(1), metrics.examples(2), metrics.examples(3)))
                .containsExactly(6L, 5L, 1L, 0L);
    }

    @Test
    void jsonHoldsTheSame() throws IOException {
        JsonNode json = new ObjectMapper().readTree(metrics.json().toString());
        assertThat(json.path("examples").asLong()).isEqualTo(12);
        assertThat(json.path("accuracy").asDouble()).isCloseTo(8.0 / 12, EXACT);
        assertThat(json.path("loss").asDouble()).isCloseTo(0.25, EXACT);
        assertThat(json.path("classes")).hasSize(4);
        for (int k = 0; k < 4; k++) {
            JsonNode node = json.path("classes").path(k);
            assertThat(node.path("class").asInt()).isEqualTo(k);
            assertThat(node.path("examples").asLong()).isEqualTo(metrics.examples(k));
            assertThat(node.path("precision").asDouble()).isEqualTo(metrics.precision(k));
            assertThat(node.path("recall").asDouble()).isEqualTo(metrics.recall(k));
            assertThat(node.path("f1").asDouble()).isEqualTo(metrics.f1(k));
            for (int prediction = 0; prediction < 4; prediction++) {
                assertThat(json.path("confusion").path(k).path(prediction).asLong())
                        .as("true class %d, predicted %d", k, prediction)
                        .isEqualTo(CONFUSION[k][prediction]);
            }
        }
    }

    @Test
    void textHoldsTheSameForPeople() {
        List<String> lines = metrics.text().lines().map(String::strip).toList();
        assertThat(lines.get(0)).isEqualTo("12 examples, accuracy 0.6667, mean loss 0.2500");
        assertThat(lines.stream().map(line -> line.replaceAll(" +", " ")))
                .contains(
                        "class examples precision recall F1",
                        "0 6 0.7143 0.8333 0.7692",
                        "1 5 0.6000 0.6000 0.6000",
                        "2 1 0.0000 0.0000 0.0000",
                        "3 0 0.0000 0.0000 0.0000")
                .endsWith("0 1 2 3", "0 5 1 0 0", "1 2 3 0 0", "2 0 1 0 0", "3 0 0 0 0");
    }
}
