package dev.lockstep.cli;

import dev.lockstep.page.Figures;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.RunDirectory;
import dev.lockstep.train.RunMeter;
import dev.lockstep.train.StepMillis;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingResult;
import java.io.PrintWriter;
import java.util.Locale;
import org.apache.hadoop.fs.Path;

/**
 * Tells a person how training goes: on a terminal one live line, elsewhere a line every few seconds and for each evaluation;
 * warnings apart. One thread. Closed when training ends; what it is told after that, it prints as lines.
 */
final class ProgressPrinter implements TrainingListener, AutoCloseable {
    private static final long SILENCE_NANOS = 5_000_000_000L;

    private final PrintWriter out;
    private final PrintWriter err;
    private final RunMeter meter;
    private final WatchOptions.Watching watching;
    private final long logEvery;
    private LiveLine live;
    private long beganNanos;
    private long printedNanos;

    /**
     * @param meter which hears of everything before this does
     * @param logEvery steps between lines, if those are wanted
     */
    ProgressPrinter(PrintWriter out, PrintWriter err, RunMeter meter, WatchOptions.Watching watching, long logEvery) {
        this.out = out;
        this.err = err;
        this.meter = meter;
        this.watching = watching;
        this.logEvery = logEvery;
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
                meter.totalSteps());
        print("engine %s, %d tasks, %d shards", source.engine(), source.tasks(), plan.shards());
        if (plan.method() == GradientMethod.NUMERICAL) {
            print(
                    "numerical gradient: every step moves each of %d parameters up and down and takes the loss anew;"
                            + " --gradient backprop goes the same way, faster",
                    plan.shape().parameters());
        }
        beganNanos = System.nanoTime();
        printedNanos = beganNanos;
        live = watching.isLive() ? new LiveLine(out, meter, watching.columns()) : null;
    }

    @Override
    public void stepDone(StepReport report) {
        if (live != null) {
            return;
        }
        if (watching.isVerbose() && report.step() % logEvery == 0) {
            print(
                    "step %6d  loss %s  learning rate %.6f",
                    report.step(), Figures.rounded(report.loss()), report.learningRate());
        }
        long now = System.nanoTime();
        if (now - printedNanos >= SILENCE_NANOS && meter.stepsHere() > 1) {
            printedNanos = now;
            double stepsPerSecond = meter.stepsHere() * 1e9 / (now - beganNanos);
            print(
                    "step %6d  loss %s  %.0f steps/s, about %.0f s left",
                    report.step(),
                    Figures.rounded(meter.loss()),
                    stepsPerSecond,
                    (meter.totalSteps() - report.step()) / stepsPerSecond);
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        if (live != null) {
            return;
        }
        printedNanos = System.nanoTime();
        String validation = evaluation
                .validation()
                .map(score -> String.format(Locale.ROOT, "  validation %.4f", score.accuracy()))
                .orElse("");
        print(
                "step %6d  epoch %5.2f  loss %s  accuracy: train %.4f%s  test %.4f",
                evaluation.step(),
                evaluation.epoch(),
                Figures.rounded(evaluation.train().meanLoss()),
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
        if (watching.isVerbose()) {
            tellTimes(result.times().millis());
        }
    }

    private void tellTimes(StepMillis millis) {
        print(
                "steps           median %.3f ms, 90 of 100 within %.3f ms, 99 within %.3f ms, longest %.3f ms",
                millis.median(), millis.p90(), millis.p99(), millis.longest());
        GradientSource.Counters counters = meter.counters();
        print("workers         %d joined, %d lost", counters.workersJoined(), counters.workersLost());
        print("exchange        %d bytes up, %d bytes down", counters.bytesUp(), counters.bytesDown());
        for (GradientSource.WorkerTimes worker : meter.workers()) {
            print(
                    "worker          %s: %d steps, delivered after %.3f ms in the mean, waited for alone %.1f s in all",
                    worker.name(),
                    worker.steps(),
                    worker.steps() == 0 ? 0 : worker.answerSeconds() * 1e3 / worker.steps(),
                    worker.aloneSeconds());
        }
    }

    /** The live line ends. */
    @Override
    public void close() {
        if (live != null) {
            live.close();
            live = null;
        }
    }

    void reported(Path page) {
        print("report          %s", page);
    }

    private void print(String format, Object... arguments) {
        if (watching.isQuiet()) {
            return;
        }
        out.println(String.format(Locale.ROOT, format, arguments));
        out.flush();
    }
}
