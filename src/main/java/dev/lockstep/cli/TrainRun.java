package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.Parameters;
import dev.lockstep.report.Report;
import dev.lockstep.step.EarlyStart;
import dev.lockstep.step.ExchangeSettings;
import dev.lockstep.step.GradientSource;
import dev.lockstep.step.JobGradientSource;
import dev.lockstep.step.LoadReport;
import dev.lockstep.step.LocalGradientSource;
import dev.lockstep.step.LockstepGradientSource;
import dev.lockstep.step.StageEndedException;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.BatchTrace;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.MetricsLog;
import dev.lockstep.train.RunCheckpoints;
import dev.lockstep.train.RunDirectory;
import dev.lockstep.train.RunMeter;
import dev.lockstep.train.RunStarted;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingConfig;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingResult;
import dev.lockstep.train.TrainingStoppedException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;

/** One run of {@code train}: files in, workers up, training, files out. */
final class TrainRun {
    private final Request request;
    private final TrainingConfig config;
    private final PrintWriter out;
    private final PrintWriter err;
    private final Configuration hadoop = SparkSessions.hadoop();

    /**
     * What is asked for.
     *
     * @param kernel which kernels are computed with
     * @param tasks Spark tasks; null for as many as there are cores, or may come, but not more than shards
     * @param exchange of engine lockstep
     * @param outUri the run directory
     * @param initWeights file of initial weights, or null
     * @param traceBatches where mini-batches are written, or null
     * @param watching what a person is told on the way
     */
    record Request(
            TrainingConfig config,
            KernelChoice kernel,
            Engine engine,
            Integer tasks,
            ExchangeSettings exchange,
            String outUri,
            boolean overwrite,
            boolean resume,
            String initWeights,
            String traceBatches,
            WatchOptions.Watching watching) {}

    TrainRun(Request request, PrintWriter out, PrintWriter err) {
        this.request = request;
        this.config = request.config();
        this.out = out;
        this.err = err;
    }

    void run() throws IOException {
        RunDirectory directory = RunDirectory.at(hadoop, request.outUri(), request.overwrite() || request.resume());
        StepPlan plan = config.plan(
                LabelledImages.open(hadoop, config.data(), LabelledImages.TRAIN),
                LabelledImages.open(hadoop, config.data(), LabelledImages.TEST),
                request.kernel());
        Checks.size(plan.shape());
        try (Parameters weights = new Parameters(plan.shape())) {
            config.network().init().initialize(weights, config.network().initStd(), config.seed());
            if (request.initWeights() != null) {
                ModelFile.readInto(hadoop, request.initWeights(), weights);
            }
            if (request.engine() == Engine.LOCAL) {
                try (GradientSource source = new LocalGradientSource(hadoop, plan)) {
                    train(plan, source, weights, directory, meter -> {});
                }
                return;
            }
            boolean isLong = request.engine() == Engine.LOCKSTEP
                    && LockstepGradientSource.isWorthRehearsing(config.lastStep(plan));
            try (EarlyStart early = isLong && SparkSessions.isLocal() ? EarlyStart.begin(hadoop, plan) : null;
                    JavaSparkContext spark = request.engine() == Engine.LOCKSTEP
                            ? SparkSessions.startForWorkers("Lockstep train")
                            : SparkSessions.startForJobs("Lockstep train")) {
                int tasks = request.tasks() == null ? defaultTasks(spark, plan) : request.tasks();
                try (GradientSource source = request.engine() == Engine.LOCKSTEP
                        ? new LockstepGradientSource(
                                spark, plan, tasks, request.exchange(), isLong, Optional.ofNullable(early))
                        : new JobGradientSource(spark, plan, tasks)) {
                    train(
                            plan,
                            source,
                            weights,
                            directory,
                            meter -> spark.sc().listenerBus().post(new RunStarted(meter)));
                } catch (StageEndedException e) {
                    throw TrainingStoppedException.whileLoading(e);
                }
            }
        }
    }

    private int defaultTasks(JavaSparkContext spark, StepPlan plan) {
        if (request.engine() == Engine.LOCKSTEP) {
            return LockstepGradientSource.defaultTasks(spark, plan);
        }
        return Math.min(plan.shards(), spark.defaultParallelism());
    }

    /** @param watchers hear of the run's figures before its first step */
    private void train(
            StepPlan plan,
            GradientSource source,
            Parameters weights,
            RunDirectory directory,
            Consumer<RunMeter> watchers)
            throws IOException {
        directory.create(request.resume());
        RunMeter meter = new RunMeter(config.lastStep(plan), source);
        watchers.accept(meter);
        ProgressPrinter progress = new ProgressPrinter(
                out, err, meter, request.watching(), config.watching().logEvery());
        progress.started(plan, source, config.data());
        KernelOption.explain(request.kernel());
        RunCheckpoints checkpoints = new RunCheckpoints(hadoop, directory.checkpoints(), config, source.data());
        TrainingResult result;
        long linesLost;
        try (progress;
                Trainer trainer = new Trainer(config, plan, source, weights, Optional.of(checkpoints));
                StopSignal signal = new StopSignal()) {
            signal.install(trainer::requestStop);
            long firstStep = request.resume() ? trainer.resume(progress) : 0;
            if (firstStep > config.lastStep(plan)) {
                throw new BadInputException("--resume: expected a checkpoint of step " + config.lastStep(plan)
                        + " (see --iterations, --epochs, --stop-after) or before, found one of step " + firstStep);
            }
            MetricsLog metrics = new MetricsLog(
                    directory.openMetrics(firstStep), config.watching().logEvery(), progress::warned);
            try (metrics;
                    progress) {
                result = trainer.train(firstStep, new Both(meter, new Both(metrics, progress)));
            } catch (TrainingStoppedException e) {
                writeModel(directory, weights, source.data(), e.step());
                throw e;
            }
            linesLost = metrics.linesLost();
        }
        writeModel(directory, weights, source.data(), result.evaluation().step());
        if (request.traceBatches() != null) {
            BatchTrace.write(hadoop, request.traceBatches(), plan, result.steps());
        }
        RunSummary summary = new RunSummary(
                config, plan, source, result, new RunSummary.Written(checkpoints, linesLost), weights.sha256());
        directory.writeSummary(summary.json());
        progress.finished(result, summary.weightsSha256(), directory);
        writeReport(directory, progress);
    }

    /** Draws what is saved already: that it cannot be drawn costs a line. */
    private void writeReport(RunDirectory directory, ProgressPrinter progress) {
        try {
            progress.reported(Report.write(hadoop, directory.path().toString(), null));
        } catch (IOException | RuntimeException | LinkageError e) { // some Java runtimes lack the desktop's classes
            progress.warned(
                    "report.html could not be made (" + e + "); see submit/lockstep report --run " + directory.path());
        }
    }

    private void writeModel(RunDirectory directory, Parameters weights, LoadReport data, long step) throws IOException {
        ModelFile.write(
                hadoop,
                directory.model().toString(),
                true,
                weights,
                config.network().activation(),
                config.network().loss(),
                provenance(data, step));
    }

    private Map<String, String> provenance(LoadReport data, long step) {
        Map<String, String> texts = config.provenance(data, step);
        texts.put("init-weights", request.initWeights() == null ? "" : request.initWeights());
        Version.stamp(texts);
        return texts;
    }

    /** Two listeners as one. */
    private record Both(TrainingListener first, TrainingListener second) implements TrainingListener {
        @Override
        public void stepDone(StepReport report) {
            first.stepDone(report);
            second.stepDone(report);
        }

        @Override
        public void evaluated(Evaluation evaluation) {
            first.evaluated(evaluation);
            second.evaluated(evaluation);
        }

        @Override
        public void warned(String message) {
            first.warned(message);
            second.warned(message);
        }
    }
}
