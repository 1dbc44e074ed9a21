package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.page.Chart;
import dev.lockstep.page.Figures;
import dev.lockstep.page.Html;
import dev.lockstep.page.Page;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/** Several runs side by side. */
final class ComparisonPage {
    /** Colours of the style sheet; more runs take them again, with other dashes. */
    private static final int COLOURS = 6;

    private static final List<String> FIGURES = List.of(
            "test_accuracy",
            "train_accuracy",
            "validation_accuracy",
            "test_loss",
            "train_loss",
            "final_loss",
            "steps",
            "ms_per_step",
            "ms_per_step_p50",
            "ms_per_step_p99",
            "training_seconds",
            "process_seconds",
            "workers_lost",
            "workers_joined",
            "weights_sha256",
            "engine",
            "kernel",
            "tasks",
            "java_version",
            "lockstep_revision");

    private final List<RunFiles> runs;
    private final List<String> names = new ArrayList<>();

    ComparisonPage(List<RunFiles> runs) {
        this.runs = runs;
        for (int i = 0; i < runs.size(); i++) {
            String[] parts = runs.get(i).uri().split("/+");
            names.add((i + 1) + ": " + (parts.length == 0 ? "/" : parts[parts.length - 1]));
        }
    }

    String html() {
        Page page = new Page("Lockstep: " + runs.size() + " runs side by side");
        page.section("overview", "Runs", overview());
        page.section("curves", "Curves", curves(page));
        List<JsonNode> figures = runs.stream().map(RunFiles::summary).toList();
        List<JsonNode> settings =
                figures.stream().map(summary -> summary.path("config")).toList();
        page.section("figures", "Figures", table("Figures of the runs", FIGURES, figures, false));
        TreeSet<String> keys = new TreeSet<>();
        settings.forEach(config -> keys.addAll(RunPage.texts(config).keySet()));
        page.section(
                "configuration",
                "Configuration",
                table("Configurations; what differs is marked", List.copyOf(keys), settings, true));
        return page.html(String.join(", ", names));
    }

    private Html overview() {
        Html html = new Html();
        html.open("ol");
        runs.forEach(run -> html.element("li", run.uri()));
        html.closeLine();
        for (int i = 0; i < runs.size(); i++) {
            for (String missing : runs.get(i).missing()) {
                html.element("p", names.get(i) + ": " + missing, "class", "note");
            }
        }
        return html;
    }

    private Html curves(Page page) {
        Html html = new Html();
        addChart(page, html, "accuracy", "Test accuracy by step", Curves.Evaluated::testAccuracy);
        addChart(page, html, "loss", "Test loss by step", Curves.Evaluated::testLoss);
        addChart(page, html, "train-loss", "Training loss by step", Curves.Evaluated::trainLoss);
        return html;
    }

    private void addChart(Page page, Html html, String id, String caption, ToDoubleFunction<Curves.Evaluated> figure) {
        TreeSet<Long> all = new TreeSet<>();
        runs.forEach(run -> run.curves().evaluations().forEach(one -> all.add(one.step())));
        double[] steps = all.stream().mapToDouble(Long::doubleValue).toArray();
        List<Chart.Series> series = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            double[] values = CurveCharts.values(runs.get(i).curves(), steps, figure);
            series.add(new Chart.Series(names.get(i), "c-" + i % COLOURS, 4 * i, Figures.SHARE, values));
        }
        if (steps.length > 0) {
            page.chart(CurveCharts.chart(id, caption, steps, series), html);
        }
    }

    /** @param isSettings whether what differs is marked and numbers keep all their digits */
    private Html table(String caption, List<String> keys, List<JsonNode> objects, boolean isSettings) {
        Html html = new Html();
        html.openScroll(caption);
        html.open("table", "class", "texts runs")
                .element("caption", caption)
                .open("thead")
                .open("tr")
                .open("td")
                .close();
        names.forEach(name -> html.element("th", name, "scope", "col"));
        html.close().close().open("tbody");
        for (String key : keys) {
            List<JsonNode> values =
                    objects.stream().map(object -> object.path(key)).toList();
            List<String> texts = values.stream().map(JsonNode::asText).toList();
            if (texts.stream().allMatch(String::isEmpty)) {
                continue;
            }
            boolean differs = isSettings && new HashSet<>(texts).size() > 1;
            html.open("tr").open("th", "scope", "row").text(key);
            if (differs) {
                html.element("span", " differs", "class", "unseen");
            }
            html.close();
            for (int i = 0; i < values.size(); i++) {
                JsonNode value = values.get(i);
                html.open("td", "data-run", names.get(i));
                if (value.isFloatingPointNumber() && !isSettings) {
                    html.number(value.doubleValue(), Figures.SHARE);
                } else {
                    html.element(differs ? "mark" : "span", value.asText().isEmpty() ? "not set" : value.asText());
                }
                html.close();
            }
            html.closeLine();
        }
        html.close().close().closeLine();
        return html;
    }
}
