package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.page.Figures;
import dev.lockstep.page.Html;
import dev.lockstep.page.Page;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The page of one run. */
final class RunPage {
    private final RunFiles files;
    private final JsonNode summary;

    RunPage(RunFiles files) {
        this.files = files;
        this.summary = files.summary();
    }

    String html() {
        Page page = new Page("Lockstep: a training run");
        page.section("overview", "Overview", overview());
        Html curves = new Html();
        new CurveCharts(files.curves()).write(page, curves);
        page.section("curves", "Curves", curves);
        Html confusion = new Html();
        Optional<ConfusionTables> tables = ConfusionTables.of(summary);
        tables.ifPresentOrElse(
                found -> found.write(confusion), () -> note(confusion, "summary.json has no confusion matrix."));
        page.section("confusion", "Confusion", confusion);
        page.section("digits", "Most wrong", digits());
        page.section("units", "Hidden units", units());
        Html steps = new Html();
        new StepTables(summary).write(page, steps);
        page.section("steps", "Time of a step", steps);
        page.section("configuration", "Configuration", configuration());
        page.section("provenance", "Provenance", provenance());
        return page.html(files.uri());
    }

    private static void note(Html html, String text) {
        html.element("p", text, "class", "note");
    }

    private Html overview() {
        Html html = new Html();
        html.open("dl", "class", "tiles");
        tile(html, "test accuracy", "test_accuracy", Figures.SHARE, "");
        tile(html, "validation accuracy", "validation_accuracy", Figures.SHARE, "");
        tile(html, "train accuracy", "train_accuracy", Figures.SHARE, "");
        tile(html, "test loss", "test_loss", Figures.SHARE, "");
        tile(html, "steps", "steps", "%,.0f", "");
        tile(html, "a step, median", "ms_per_step_p50", Figures.MILLIS, " ms");
        tile(html, "training", "training_seconds", Figures.SECONDS, " s");
        html.closeLine();
        for (String missing : files.missing()) {
            note(html, missing);
        }
        return html;
    }

    private void tile(Html html, String name, String field, String format, String unit) {
        if (summary.path(field).isNumber()) {
            html.tile(name, Figures.number(summary, field), format, unit);
        }
    }

    private Html digits() {
        Html html = new Html();
        files.digits()
                .ifPresentOrElse(
                        hard -> DigitGallery.write(hard, html),
                        () -> note(html, "Not shown: model or test files could not be read, see above."));
        return html;
    }

    private Html units() {
        Html html = new Html();
        if (files.model().isEmpty()) {
            note(html, "Not shown: the model could not be read, see above.");
            return html;
        }
        NetworkShape shape = files.model().get().weights().shape();
        int rows = summary.path("image_rows").asInt();
        int columns = summary.path("image_columns").asInt();
        if ((long) rows * columns != shape.inputs()) {
            note(html, "Not shown: how many rows and columns the images have is not known.");
        } else {
            new UnitGallery(files.model().get().weights(), rows, columns).write(html);
        }
        return html;
    }

    private Html configuration() {
        Html html = new Html();
        writeTable(html, "Configuration, by the names of the command line's options", texts(summary.path("config")));
        return html;
    }

    private Html provenance() {
        Html html = new Html();
        Map<String, String> texts = new TreeMap<>();
        files.model()
                .ifPresent(model -> model.texts().forEach((key, value) -> {
                    if (!key.startsWith("config.")) { // they stand above
                        texts.put(key, value);
                    }
                }));
        writeTable(html, "Where the model comes from, as its file says", texts);
        Map<String, String> figures = texts(summary);
        writeTable(html, "What else summary.json says", figures);
        return html;
    }

    /** The plain values of an object, by their names. */
    static Map<String, String> texts(JsonNode object) {
        Map<String, String> texts = new TreeMap<>();
        object.properties().forEach(field -> {
            if (field.getValue().isValueNode()) {
                texts.put(field.getKey(), field.getValue().asText());
            }
        });
        return texts;
    }

    private static void writeTable(Html html, String caption, Map<String, String> texts) {
        if (texts.isEmpty()) {
            return;
        }
        html.openScroll(caption);
        html.open("table", "class", "texts").element("caption", caption).open("tbody");
        texts.forEach((key, value) -> html.open("tr")
                .element("th", key, "scope", "row")
                .element("td", value)
                .closeLine());
        html.close().close().closeLine();
    }
}
