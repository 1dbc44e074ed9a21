package dev.lockstep.tune;

import dev.lockstep.page.Chart;
import dev.lockstep.page.Figures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Accuracy against one setting: a mark for each trial, in the colour of the rung that it came to. */
final class SettingChart {
    /** Colours of the style sheet. */
    private static final int COLOURS = 6;

    /** Marks of one choice lie side by side, in this share of its place. */
    private static final double SPREAD = 0.5;

    /** Multiples of the golden section are spread evenly, however many there are. */
    private static final double GOLDEN = 0.6180339887498949;

    private record Mark(TrialEnd end, int rung, double x, String text) {}

    private final Search search;
    private final Dimension dimension;
    private final List<Mark> marks = new ArrayList<>();

    SettingChart(Search search, Map<TrialEnd, Integer> lastEnds, Dimension dimension) {
        this.search = search;
        this.dimension = dimension;
        lastEnds.forEach((end, rung) -> {
            if (end.isDone()) {
                String value = search.trial(end.trial()).settings().get(dimension.key());
                marks.add(new Mark(end, rung, place(value, end.trial()), value + " (trial " + end.trial() + ")"));
            }
        });
        marks.sort(Comparator.comparingDouble(Mark::x));
    }

    private double place(String value, int trial) {
        if (dimension.kind() != Dimension.Kind.CHOICE) {
            return Double.parseDouble(value);
        }
        return dimension.choices().indexOf(value) + SPREAD * (trial * GOLDEN % 1 - 0.5);
    }

    Chart chart() {
        List<Halving.Rung> rungs = search.halving().rungs();
        List<Chart.Series> series = new ArrayList<>();
        for (int k = 0; k < rungs.size(); k++) {
            double[] values = new double[marks.size()];
            Arrays.fill(values, Double.NaN);
            for (int i = 0; i < values.length; i++) {
                if (marks.get(i).rung == k) {
                    values[i] = marks.get(i).end.validation().accuracy();
                }
            }
            Chart.Series one = new Chart.Series(TunePage.name(rungs, k), "c-" + k % COLOURS, 0, Figures.SHARE, values);
            if (!one.isEmpty()) {
                series.add(one);
            }
        }
        Chart.Axis axis = switch (dimension.kind()) {
            case LOG -> Chart.Axis.LOG;
            case UNIFORM -> Chart.Axis.LINEAR;
            case CHOICE -> new Chart.Axis(false, dimension.choices());
        };
        return new Chart(
                "by-" + dimension.key(),
                "Validation accuracy by " + dimension.key(),
                description(),
                Chart.Kind.POINTS,
                axis,
                dimension.key(),
                marks.stream().map(Mark::text).toList(),
                marks.stream().mapToDouble(Mark::x).toArray(),
                series);
    }

    private String description() {
        TrialEnd best = search.bestEnd();
        return String.format(
                Locale.ROOT,
                "Validation accuracy by %s, a mark for each of %d trials. The best is %.4f at %s. The table below has the figures.",
                dimension.key(),
                marks.size(),
                best.validation().accuracy(),
                search.best().settings().get(dimension.key()));
    }
}
