package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.evaluate.Metrics;
import dev.lockstep.net.Score;
import dev.lockstep.page.Figures;
import dev.lockstep.page.Html;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Which classes of the test set are taken for which. */
final class ConfusionTables {
    /** A wider matrix would be a wall of numbers; then the most frequent confusions have to do. */
    private static final int MAX_MATRIX_CLASSES = 30;

    private static final int MAX_PAIRS = 6;
    private static final int MAX_CLASSES = 256;

    private final Score score;
    private final Metrics metrics;

    private ConfusionTables(Score score) {
        this.score = score;
        this.metrics = new Metrics(score);
    }

    /** Of a summary, if it has a confusion matrix. */
    static Optional<ConfusionTables> of(JsonNode summary) {
        JsonNode rows = summary.path("test_confusion");
        int classes = rows.size();
        if (classes == 0 || classes > MAX_CLASSES) {
            return Optional.empty();
        }
        ByteBuffer counts = ByteBuffer.allocate(Double.BYTES + classes * classes * Long.BYTES);
        counts.putDouble(0);
        for (JsonNode row : rows) {
            if (row.size() != classes) {
                return Optional.empty();
            }
            row.forEach(count -> counts.putLong(count.asLong()));
        }
        return Optional.of(new ConfusionTables(Score.read(counts.flip(), classes)));
    }

    void write(Html html) {
        html.open("p")
                .text("Of ")
                .number(score.examples())
                .text(" test images ")
                .number(score.correct());
        html.text(" are taken for what they are. ").text(pairs()).closeLine();
        if (score.classes() <= MAX_MATRIX_CLASSES) {
            writeMatrix(html);
        }
        writeClasses(html);
    }

    private record Pair(int label, int prediction, long count) {}

    private String pairs() {
        List<Pair> pairs = new ArrayList<>();
        for (int label = 0; label < score.classes(); label++) {
            for (int k = 0; k < score.classes(); k++) {
                if (k != label && score.count(label, k) > 0) {
                    pairs.add(new Pair(label, k, score.count(label, k)));
                }
            }
        }
        pairs.sort(Comparator.comparingLong(Pair::count).reversed());
        List<String> texts = pairs.stream()
                .limit(MAX_PAIRS)
                .map(pair ->
                        String.format(Locale.ROOT, "%d for %d (%,d)", pair.label(), pair.prediction(), pair.count()))
                .toList();
        return texts.isEmpty() ? "" : "Most often taken wrongly: " + String.join(", ", texts) + ".";
    }

    private void writeMatrix(Html html) {
        long most = 1;
        for (int label = 0; label < score.classes(); label++) {
            for (int k = 0; k < score.classes(); k++) {
                most = k == label ? most : Math.max(most, score.count(label, k));
            }
        }
        String caption = "Confusion matrix: a row for each true class, a column for each predicted one";
        html.openScroll(caption);
        html.open("table", "class", "matrix").element("caption", caption);
        html.open("thead").open("tr").open("td").close();
        for (int k = 0; k < score.classes(); k++) {
            html.element("th", Integer.toString(k), "scope", "col");
        }
        html.close().close().open("tbody");
        for (int label = 0; label < score.classes(); label++) {
            html.open("tr").element("th", Integer.toString(label), "scope", "row");
            for (int k = 0; k < score.classes(); k++) {
                long count = score.count(label, k);
                // The root lets a single confusion be seen beside the most frequent one.
                double heat = k == label ? 1 : Math.sqrt((double) count / most);
                String style = String.format(Locale.ROOT, "--heat:%.2f", heat);
                html.open("td", "class", k == label ? "right" : "wrong", "style", style)
                        .number(count)
                        .close();
            }
            html.closeLine();
        }
        html.close().close().closeLine();
    }

    private void writeClasses(Html html) {
        html.open("details").element("summary", "Precision and recall of each class");
        String caption = "Precision, recall and F1 of each class on the test images";
        html.openScroll(caption);
        html.open("table").element("caption", caption).open("thead").open("tr");
        for (String name : List.of("class", "images", "precision", "recall", "F1")) {
            html.element("th", name, "scope", "col");
        }
        html.close().close().open("tbody");
        for (int k = 0; k < score.classes(); k++) {
            html.open("tr").element("th", Integer.toString(k), "scope", "row");
            html.open("td").number(metrics.examples(k)).close();
            for (double figure : new double[] {metrics.precision(k), metrics.recall(k), metrics.f1(k)}) {
                html.open("td").number(figure, Figures.SHARE).close();
            }
            html.closeLine();
        }
        html.close().close().close().closeLine();
    }
}
