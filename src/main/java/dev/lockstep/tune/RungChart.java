package dev.lockstep.tune;

import dev.lockstep.page.Chart;
import dev.lockstep.page.Figures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How the trials that went on did from rung to rung. */
final class RungChart {
    /** More curves nobody can tell apart. */
    static final int MAX_TRIALS = 6;

    private final Search search;
    private final List<Halving.Rung> rungs;

    RungChart(Search search) {
        this.search = search;
        this.rungs = search.halving().rungs();
    }

    Chart chart() {
        List<Chart.Series> series = new ArrayList<>();
        StringBuilder description =
                new StringBuilder("Validation accuracy by rung, a line for each of the best trials. ");
        List<TrialEnd> best = search.lastEnds().entrySet().stream()
                .filter(entry -> entry.getValue() > 0 && entry.getKey().isDone())
                .map(entry -> entry.getKey())
                .limit(MAX_TRIALS)
                .toList();
        for (TrialEnd last : best) {
            double[] values = values(last.trial());
            String name = "trial " + last.trial();
            series.add(new Chart.Series(name, "c-" + series.size(), 3 * series.size(), Figures.SHARE, values));
            description.append(String.format(
                    Locale.ROOT,
                    "%s: from %.4f to %.4f. ",
                    name,
                    values[0],
                    last.validation().accuracy()));
        }
        double[] x = new double[rungs.size()];
        List<String> names = new ArrayList<>();
        for (int k = 0; k < x.length; k++) {
            x[k] = k;
            names.add(TunePage.name(rungs, k));
        }
        return new Chart(
                "by-rung",
                "Validation accuracy by rung",
                description + "The table below has the figures.",
                Chart.Kind.LINES,
                new Chart.Axis(false, names),
                "the end of",
                names,
                x,
                series);
    }

    private double[] values(int trial) {
        double[] values = new double[rungs.size()];
        Arrays.fill(values, Double.NaN);
        for (int k = 0; k < values.length; k++) {
            for (TrialEnd end : search.rungs().get(k)) {
                if (end.trial() == trial) {
                    values[k] = end.validation().accuracy();
                }
            }
        }
        return values;
    }
}
