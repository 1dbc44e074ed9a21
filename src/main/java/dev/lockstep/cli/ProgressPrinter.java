package dev.lockstep.cli;

import dev.lockstep.step.GradientSource;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.RunDirectory;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingResult;
import java.io.PrintWriter;
import java.util.Locale;
import org.apache.hadoop.fs.Path;

/** Tells a person how training goes: a line every few seconds and for each evaluation, warnings apart. One thread. */
final class ProgressPrinter implements TrainingListener {
    private static final long SILENCE_NANOS = 5_000_000_000L;

    private final PrintWriter out;
    private final PrintWriter err;
    private final long totalSteps;
    private long firstStep = -1;
    private long beganNanos;
    private long printedNanos;
    private double recentLoss = Double.NaN;

    ProgressPrinter(PrintWriter out, PrintWriter err, long totalSteps) {
        this.out = out;
        this.err = err;
        this.totalSteps = totalSteps;
    }

    void started(StepPlan plan, GradientSource source, String data) {
        print(
                "training %s, %s, %s on %s: %d examples, batches of %d, %d steps",
                plan.shape(),
                plan.activation().name().toLowerCase(Locale.ROOT),
                plan.loss().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                data,
                plan.holdout().training(),
                plan.batchSize(),
                totalSteps);
        print("engine %s, %d tasks, %d shards", source.engine(), source.tasks(), plan.shards());
        beganNanos = System.nanoTime();
        printedNanos = beganNanos;
    }

    @Override
    public void stepDone(StepReport report) {
        if (firstStep < 0) {
            firstStep = report.step() - 1;
        }
        // A mean over about a hundred mini-batches, since a single one's loss jumps about.
        recentLoss = Double.isNaN(recentLoss) ? report.loss() : recentLoss + (report.loss() - recentLoss) / 100;
        long now = System.nanoTime();
        if (now - printedNanos >= SILENCE_NANOS && report.step() > firstStep + 1) {
            printedNanos = now;
            double stepsPerSecond = (report.step() - firstStep) * 1e9 / (now - beganNanos);
            print(
                    "step %6d  loss %.4f  %.0f steps/s, about %.0f s left",
                    report.step(), recentLoss, stepsPerSecond, (totalSteps - report.step()) / stepsPerSecond);
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        printedNanos = System.nanoTime();
        String validation = evaluation
                .validation()
                .map(score -> String.format(Locale.ROOT, "  validation %.4f", score.accuracy()))
                .orElse("");
        print(
                "step %6d  epoch %5.2f  loss %.4f  accuracy: train %.4f%s  test %.4f",
                evaluation.step(),
                evaluation.epoch(),
                evaluation.train().meanLoss(),
                evaluation.train().accuracy(),
                validation,
                evaluation.test().accuracy());
    }

    @Override
    public void warned(String message) {
        err.println("lockstep: " + message);
        err.flush();
    }

    void finished(TrainingResult result, String weightsSha256, RunDirectory directory) {
        print(
                "done: %d steps in %.1f s of training, %.3f ms a step",
                result.times().steps(), result.times().seconds(), RunSummary.millisPerStep(result.times()));
        print("train accuracy  %.4f", result.evaluation().train().accuracy());
        result.evaluation().validation().ifPresent(score -> print("validation acc. %.4f", score.accuracy()));
        print("test accuracy   %.4f", result.evaluation().test().accuracy());
        print("weights sha256  %s", weightsSha256);
        print("model           %s", directory.model());
    }

    void reported(Path page) {
        print("report          %s", page);
    }

    private void print(String format, Object... arguments) {
        out.println(String.format(Locale.ROOT, format, arguments));
        out.flush();
    }
}
