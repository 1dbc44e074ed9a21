package dev.lockstep.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;

/**
 * A chart, drawn by the page's script, with its figures in a table behind it.
 *
 * @param id of the element
 * @param caption what it shows
 * @param description what one would see, for those who do not
 * @param kind how it is drawn
 * @param axis what the x axis is
 * @param xName heading of the first column
 * @param xTexts how each place on the x axis is called in the table
 * @param x ascending
 */
public record Chart(
        String id,
        String caption,
        String description,
        Kind kind,
        Axis axis,
        String xName,
        List<String> xTexts,
        double[] x,
        List<Chart.Series> series) {
    /** Rows of the table; of more points every so-manieth is listed, and always the last. */
    private static final int MAX_TABLE_ROWS = 60;

    /** How a chart is drawn. */
    public enum Kind {
        /** Curves. */
        LINES,
        /** A bar for each x. */
        BARS,
        /** A mark for each value; the last series stands out. */
        POINTS
    }

    /**
     * An x axis.
     *
     * @param isLog whether it is logarithmic
     * @param names what stands at 0, 1 and so on; empty for numbers
     */
    public record Axis(boolean isLog, List<String> names) {
        /** Of numbers. */
        public static final Axis LINEAR = new Axis(false, List.of());
        /** Of positive numbers. */
        public static final Axis LOG = new Axis(true, List.of());
    }

    /**
     * A curve.
     *
     * @param name of it
     * @param style its colour's name in the style sheet
     * @param dash length of its dashes, 0 for a line: it is to be told without its colour
     * @param format of its figures
     * @param values one for each x; NaN for none
     */
    public record Series(String name, String style, int dash, String format, double[] values) {
        /** Whether it has no value. */
        public boolean isEmpty() {
            return Arrays.stream(values).noneMatch(Double::isFinite);
        }
    }

    /** Adds what the script needs. */
    void addTo(ArrayNode charts) {
        ObjectNode chart = charts.addObject();
        chart.put("id", id);
        chart.put("kind", kind.name());
        chart.put("xName", xName);
        chart.put("xLog", axis.isLog());
        ArrayNode names = chart.putArray("xNames");
        axis.names().forEach(names::add);
        ArrayNode xs = chart.putArray("x");
        Arrays.stream(x).forEach(xs::add);
        ArrayNode texts = chart.putArray("xTexts");
        xTexts.forEach(texts::add);
        ArrayNode all = chart.putArray("series");
        for (Series one : series) {
            ObjectNode node = all.addObject();
            node.put("name", one.name());
            node.put("dash", one.dash());
            node.put("digits", one.format().equals(Figures.SHARE) ? 4 : 0);
            ArrayNode values = node.putArray("values");
            for (double value : one.values()) {
                if (Double.isFinite(value)) {
                    values.add(value);
                } else {
                    values.addNull();
                }
            }
        }
    }

    /** Writes the place of the chart, its controls and its table. */
    void write(Html html) {
        html.open("figure", "class", "chart", "id", id);
        html.element("figcaption", caption);
        html.open("div", "class", "legend", "role", "group", "aria-label", "Curves of: " + caption);
        for (int i = 0; i < series.size(); i++) {
            Series one = series.get(i);
            html.open("button", "type", "button", "aria-pressed", "true");
            html.open("span", "class", "swatch " + one.style() + look(i)).close();
            html.text(one.name()).close();
        }
        html.closeLine();
        html.open("div", "class", "plot", "role", "img", "aria-label", description)
                .closeLine();
        html.open("div", "class", "reader");
        String last = Integer.toString(Math.max(0, x.length - 1));
        html.open("label").text("Read at " + xName + " ");
        html.open("input", "type", "range", "min", "0", "max", last, "value", last)
                .close();
        html.open("output").close().closeLine();
        html.open("details").element("summary", "The figures as a table");
        writeTable(html);
        html.close().closeLine();
    }

    private String look(int number) {
        if (kind == Kind.POINTS) {
            return number == series.size() - 1 ? " dot full" : " dot";
        }
        return series.get(number).dash() > 0 ? " dashed" : "";
    }

    private void writeTable(Html html) {
        html.openScroll("Table: " + caption);
        html.open("table").element("caption", caption);
        html.open("thead").open("tr").element("th", xName, "scope", "col");
        series.forEach(one -> html.element("th", one.name(), "scope", "col"));
        html.close().close().open("tbody");
        int stride = Math.max(1, (x.length + MAX_TABLE_ROWS - 1) / MAX_TABLE_ROWS);
        for (int i = (x.length - 1) % stride; i < x.length && i >= 0; i += stride) {
            html.open("tr").element("th", xTexts.get(i), "scope", "row");
            for (Series one : series) {
                html.open("td");
                if (Double.isFinite(one.values()[i])) {
                    html.number(one.values()[i], one.format());
                }
                html.close();
            }
            html.closeLine();
        }
        html.close().close().close();
    }
}
