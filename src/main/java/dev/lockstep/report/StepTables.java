package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.page.Chart;
import dev.lockstep.page.Figures;
import dev.lockstep.page.Html;
import dev.lockstep.page.Page;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Where a step's time went. */
final class StepTables {
    private static final double MILLIS_PER_SECOND = 1e3;

    private final JsonNode summary;

    StepTables(JsonNode summary) {
        this.summary = summary;
    }

    void write(Page page, Html html) {
        if (!(Figures.number(summary, "steps_in_this_process") > 0)) {
            html.element("p", "No step was done, so there is no time to tell of.", "class", "note");
            return;
        }
        JsonNode ranges = summary.path("step_ms_histogram");
        if (ranges.size() > 0) {
            page.chart(histogram(ranges), html);
        }
        writeTimes(html);
        if (summary.path("workers").size() > 0) {
            writeWorkers(html);
        }
    }

    private static Chart histogram(JsonNode ranges) {
        double[] x = new double[ranges.size()];
        double[] steps = new double[x.length];
        List<String> texts = new ArrayList<>();
        int fullest = 0;
        for (int i = 0; i < x.length; i++) {
            x[i] = i;
            steps[i] = ranges.path(i).path(2).asDouble();
            fullest = steps[i] > steps[fullest] ? i : fullest;
            texts.add(millis(ranges.path(i).path(0).asDouble()) + " to "
                    + millis(ranges.path(i).path(1).asDouble()) + " ms");
        }
        String description = "How long steps took, a histogram. Most of them: " + texts.get(fullest)
                + ". The table below has the figures.";
        return new Chart(
                "times",
                "How many steps took how long",
                description,
                Chart.Kind.BARS,
                Chart.Axis.LINEAR,
                "time of a step",
                texts,
                x,
                List.of(new Chart.Series("steps", "c-train", 0, "%,.0f", steps)));
    }

    private static String millis(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.3f" : "%.0f", value);
    }

    private void writeTimes(Html html) {
        html.openScroll("Table: time of a step");
        html.open("table").element("caption", "Time of a step, in milliseconds").open("tbody");
        double steps = Figures.number(summary, "steps_in_this_process");
        row(html, "mean", "ms_per_step", 1);
        row(
                html,
                "of it, until the gradient is there (workers, exchange, adding up)",
                "gradient_seconds",
                MILLIS_PER_SECOND / steps);
        row(html, "of it, the update of the weights", "update_seconds", MILLIS_PER_SECOND / steps);
        row(html, "half of the steps, at most", "ms_per_step_p50", 1);
        row(html, "90 of 100 steps, at most", "ms_per_step_p90", 1);
        row(html, "99 of 100 steps, at most", "ms_per_step_p99", 1);
        row(html, "999 of 1,000 steps, at most", "ms_per_step_p999", 1);
        row(html, "the longest", "ms_per_step_max", 1);
        html.close().close().closeLine();
    }

    private void row(Html html, String name, String field, double factor) {
        if (summary.path(field).isNumber()) {
            html.open("tr").element("th", name, "scope", "row").open("td");
            html.number(Figures.number(summary, field) * factor, Figures.MILLIS)
                    .close()
                    .closeLine();
        }
    }

    private void writeWorkers(Html html) {
        String caption =
                "Workers: time until each delivered its part of a step, and how long all others waited for it alone";
        html.openScroll(caption);
        html.open("table").element("caption", caption).open("thead").open("tr");
        for (String name : List.of("worker", "steps", "ms until it delivered, mean", "ms waited for alone, mean")) {
            html.element("th", name, "scope", "col");
        }
        html.close().close().open("tbody");
        for (JsonNode worker : summary.path("workers")) {
            double steps = Math.max(1, worker.path("steps").asDouble());
            html.open("tr").element("th", Figures.text(worker, "name"), "scope", "row");
            html.open("td").number(worker.path("steps").asLong()).close();
            for (String field : List.of("answer_seconds", "alone_seconds")) {
                html.open("td");
                html.number(Figures.number(worker, field) * MILLIS_PER_SECOND / steps, Figures.MILLIS)
                        .close();
            }
            html.closeLine();
        }
        html.close().close().closeLine();
    }
}
