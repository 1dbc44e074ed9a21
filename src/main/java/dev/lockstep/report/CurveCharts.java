package dev.lockstep.report;

import dev.lockstep.page.Chart;
import dev.lockstep.page.Figures;
import dev.lockstep.page.Html;
import dev.lockstep.page.Page;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** Loss and accuracy over the steps of one run, and whether it over-fits. */
final class CurveCharts {
    /** Less than this, of the lowest loss, is noise. */
    private static final double NOISE = 0.02;

    private final Curves curves;

    CurveCharts(Curves curves) {
        this.curves = curves;
    }

    void write(Page page, Html html) {
        if (curves.evaluations().isEmpty() && curves.batches().isEmpty()) {
            html.element("p", "No curves: nothing was logged.", "class", "note");
            return;
        }
        if (!curves.evaluations().isEmpty()) {
            html.element("p", verdict());
        }
        page.chart(losses(), html);
        if (!curves.evaluations().isEmpty()) {
            page.chart(accuracies(), html);
        }
    }

    /** In words, what the curves say of over-fitting. */
    String verdict() {
        Curves.Evaluated last = curves.evaluations().get(curves.evaluations().size() - 1);
        Curves.Evaluated best = last;
        for (Curves.Evaluated one : curves.evaluations()) {
            best = one.testLoss() < best.testLoss() ? one : best;
        }
        double gap = 100 * (last.trainAccuracy() - last.testAccuracy());
        String apart = String.format(
                Locale.ROOT,
                "At the end, training accuracy is %.1f points %s test accuracy. ",
                Math.abs(gap),
                gap < 0 ? "below" : "above");
        boolean rises = last.testLoss() > best.testLoss() * (1 + NOISE);
        return apart
                + String.format(
                        Locale.ROOT,
                        rises
                                ? "The test loss was lowest at step %,d (%s) and has risen to %s since: over-fitting."
                                : "The test loss was lowest at step %,d (%s) and ends at %s: no sign of over-fitting.",
                        best.step(),
                        Figures.format(Figures.SHARE, best.testLoss()),
                        Figures.format(Figures.SHARE, last.testLoss()));
    }

    private Chart losses() {
        double[] steps = steps(true);
        List<Chart.Series> series = new ArrayList<>();
        series.add(new Chart.Series("mini-batch", "c-batch", 0, Figures.SHARE, batchLosses(steps)));
        addSplits(
                series,
                steps,
                Curves.Evaluated::trainLoss,
                Curves.Evaluated::validationLoss,
                Curves.Evaluated::testLoss);
        return chart("loss", "Loss by step", steps, series);
    }

    private Chart accuracies() {
        double[] steps = steps(false);
        List<Chart.Series> series = new ArrayList<>();
        addSplits(
                series,
                steps,
                Curves.Evaluated::trainAccuracy,
                Curves.Evaluated::validationAccuracy,
                Curves.Evaluated::testAccuracy);
        return chart("accuracy", "Accuracy by step", steps, series);
    }

    private void addSplits(
            List<Chart.Series> series,
            double[] steps,
            ToDoubleFunction<Curves.Evaluated> train,
            ToDoubleFunction<Curves.Evaluated> validation,
            ToDoubleFunction<Curves.Evaluated> test) {
        series.add(new Chart.Series("train", "c-train", 0, Figures.SHARE, values(curves, steps, train)));
        series.add(new Chart.Series("validation", "c-validation", 3, Figures.SHARE, values(curves, steps, validation)));
        series.add(new Chart.Series("test", "c-test", 8, Figures.SHARE, values(curves, steps, test)));
    }

    static Chart chart(String id, String caption, double[] steps, List<Chart.Series> series) {
        List<Chart.Series> drawn = series.stream().filter(one -> !one.isEmpty()).toList();
        StringBuilder description = new StringBuilder(caption).append(", a line chart. ");
        for (Chart.Series one : drawn) {
            double first = Double.NaN;
            double last = Double.NaN;
            for (double value : one.values()) {
                first = Double.isNaN(first) ? value : first;
                last = Double.isNaN(value) ? last : value;
            }
            description.append(String.format(
                    Locale.ROOT,
                    "%s: from %s to %s. ",
                    one.name(),
                    Figures.format(Figures.SHARE, first),
                    Figures.format(Figures.SHARE, last)));
        }
        List<String> texts = new ArrayList<>();
        for (double step : steps) {
            texts.add(Figures.count((long) step));
        }
        return new Chart(
                id,
                caption,
                description + "The table below has the figures.",
                Chart.Kind.LINES,
                Chart.Axis.LINEAR,
                "step",
                texts,
                steps,
                drawn);
    }

    /** The steps at which anything was written, ascending. */
    private double[] steps(boolean withBatches) {
        TreeMap<Long, Boolean> steps = new TreeMap<>();
        curves.evaluations().forEach(one -> steps.put(one.step(), true));
        if (withBatches) {
            curves.batches().forEach(one -> steps.put(one.step(), true));
        }
        return steps.keySet().stream().mapToDouble(Long::doubleValue).toArray();
    }

    private double[] batchLosses(double[] steps) {
        TreeMap<Double, Double> byStep = new TreeMap<>();
        curves.batches().forEach(one -> byStep.put((double) one.step(), one.loss()));
        return at(steps, byStep);
    }

    /** A figure of the evaluations at each of these steps; NaN where there was none. */
    static double[] values(Curves curves, double[] steps, ToDoubleFunction<Curves.Evaluated> figure) {
        TreeMap<Double, Double> byStep = new TreeMap<>();
        curves.evaluations().forEach(one -> byStep.put((double) one.step(), figure.applyAsDouble(one)));
        return at(steps, byStep);
    }

    private static double[] at(double[] steps, TreeMap<Double, Double> byStep) {
        double[] values = new double[steps.length];
        for (int i = 0; i < steps.length; i++) {
            values[i] = byStep.getOrDefault(steps[i], Double.NaN);
        }
        return values;
    }
}
