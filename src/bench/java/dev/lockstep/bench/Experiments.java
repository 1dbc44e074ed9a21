package dev.lockstep.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All rows of the table, and how each is measured. */
final class Experiments {
    private static final String TWO_CORES = "local[2]";
    private static final String TWO_EXECUTORS = "local-cluster[2,1,1024]";
    private static final String JOB_ENGINE = "engine job";
    private static final double NOTHING = Double.NaN;
    private static final int BATCH = 100;
    private static final int HIDDEN = 50;
    private static final int LARGE_BATCH = 4096;
    private static final int WIDE_BATCH = 256;
    private static final int WIDE_HIDDEN = 800;
    private static final int CONTROL_BATCH = 1024;
    /** Enough for compiled code in the median: of a batch of 1024, the first thousand steps take twice as long as those after them. */
    private static final int CONTROL_STEPS = 4_000;
    /** Enough for the wider bounds of a quick run, whose control is to hold, too. */
    private static final int QUICK_CONTROL_STEPS = 1_000;

    private static final int WHOLE_MNIST = 60_000;
    /** A quick run takes one step where a real one takes so many. */
    private static final int QUICK = 20;

    private final Path data;
    private final Path smallData;
    private final int trainExamples;
    private final boolean quick;
    private final Workplace workplace;
    private final LockstepRuns lockstep;
    private final NumpyPeer numpy;
    private final KernelExperiments kernels;

    /**
     * @param data directory of the data, absolute
     * @param trainExamples how many training examples it has
     * @param quick whether figures may be worth nothing
     */
    Experiments(Path data, int trainExamples, boolean quick, Workplace workplace, NumpyPeer numpy) {
        this.data = data;
        this.smallData = workplace.home().resolve("data/mnist-10k");
        this.trainExamples = trainExamples;
        this.quick = quick;
        this.workplace = workplace;
        this.lockstep = new LockstepRuns(workplace);
        this.numpy = numpy;
        this.kernels = new KernelExperiments(new JmhRuns(workplace.home().resolve("target/bench/jmh.log"), quick), data);
    }

    /** In the order of the table. */
    List<Experiment> all() {
        return List.of(
                book(),
                scalar(),
                cluster(),
                largeBatch(),
                wide(),
                toAccuracy(),
                evaluate(),
                dense(),
                kernels.kernels(KERNELS),
                start());
    }

    private int steps(int steps) {
        return quick ? Math.max(1, steps / QUICK) : steps;
    }

    private Experiment book() {
        LockstepRuns.Command command = training(TWO_CORES, HIDDEN, BATCH, steps(10_000));
        Map<String, Side> sides = sides(command, numpy.training(data, HIDDEN, BATCH, steps(10_000)));
        List<Row> rows = List.of(
                new Row(
                        "book-steady",
                        "preset book, local[2], steady state: median of the steps",
                        Side.STEP_MILLIS_P50,
                        "ms a step",
                        NumpyPeer.NAME,
                        Row.Kind.PEER_OVER_OURS,
                        3,
                        6),
                new Row(
                        "book-whole",
                        "preset book, local[2], the whole run of 10,000 steps: mean of the steps",
                        Side.STEP_MILLIS,
                        "ms a step",
                        NumpyPeer.NAME,
                        Row.Kind.PEER_OVER_OURS,
                        2.5,
                        4),
                new Row(
                        "book-warm-up",
                        "the same with all of the JVM's warm-up: the rehearsal while Spark starts counted in",
                        Side.STEP_MILLIS_REHEARSED,
                        "ms a step",
                        NumpyPeer.NAME,
                        Row.Kind.PEER_OVER_OURS,
                        2.5,
                        4));
        return ofRuns("book", rows, sides, command);
    }

    private Experiment scalar() {
        Row row = new Row(
                "book-scalar",
                "the preset book in plain loops (--kernel scalar), local[2], steady state: median of the steps",
                Side.STEP_MILLIS_P50,
                "ms a step",
                NumpyPeer.NAME,
                Row.Kind.PEER_OVER_OURS,
                1,
                NOTHING);
        LockstepRuns.Command command = training(TWO_CORES, HIDDEN, BATCH, steps(10_000), "--kernel", "scalar");
        Map<String, Side> sides = sides(command, numpy.training(data, HIDDEN, BATCH, steps(10_000)));
        return ofRuns("scalar", List.of(row), sides, command);
    }

    private Experiment cluster() {
        LockstepRuns.Command command = training(TWO_EXECUTORS, HIDDEN, BATCH, steps(10_000));
        LockstepRuns.Command jobs = training(TWO_EXECUTORS, HIDDEN, BATCH, steps(400), "--engine", "job");
        Map<String, Side> sides = sides(command, numpy.training(data, HIDDEN, BATCH, steps(10_000)));
        sides.put(JOB_ENGINE, lockstep.training(jobs));
        List<Row> rows = List.of(
                new Row(
                        "book-cluster",
                        "preset book, 2 executor JVMs: median of the steps",
                        Side.STEP_MILLIS_P50,
                        "ms a step",
                        NumpyPeer.NAME,
                        Row.Kind.PEER_OVER_OURS,
                        0.67,
                        1),
                new Row(
                        "book-job",
                        "the same against one Spark job a step, 400 steps",
                        Side.STEP_MILLIS_P50,
                        "ms a step",
                        JOB_ENGINE,
                        Row.Kind.PEER_OVER_OURS,
                        NOTHING,
                        NOTHING));
        return ofRuns("cluster", rows, sides, command);
    }

    private Experiment largeBatch() {
        Row row = new Row(
                "batch-4096",
                "784-50-10, batch 4096, local[2]: examples over the median of the steps",
                Side.EXAMPLES_PER_SECOND,
                "examples/s",
                NumpyPeer.NAME,
                Row.Kind.OURS_OVER_PEER,
                4,
                8);
        return rates(row, HIDDEN, LARGE_BATCH, steps(1_000), steps(300));
    }

    private Experiment wide() {
        Row row = new Row(
                "hidden-800",
                "784-800-10, batch 256, local[2]: examples over the median of the steps",
                Side.EXAMPLES_PER_SECOND,
                "examples/s",
                NumpyPeer.NAME,
                Row.Kind.OURS_OVER_PEER,
                1.5,
                3);
        return rates(row, WIDE_HIDDEN, WIDE_BATCH, steps(1_000), steps(500));
    }

    private Experiment rates(Row row, int hidden, int batch, int steps, int numpySteps) {
        LockstepRuns.Command command = training(TWO_CORES, hidden, batch, steps);
        Map<String, Side> sides = sides(command, numpy.training(data, hidden, batch, numpySteps));
        return ofRuns(row.key(), List.of(row), sides, command);
    }

    private Experiment toAccuracy() {
        List<Row> rows = List.of(
                new Row(
                        "to-accuracy",
                        "time from fit to " + UntilAccuracy.WANTED + " test accuracy, 784-50-10, local[2]: the shortest training"
                                + " that reaches it, ours preset modern at learning rate 0.15",
                        Side.FIT_SECONDS,
                        "s",
                        MllibPeer.NAME,
                        Row.Kind.PEER_OVER_OURS,
                        20,
                        50),
                new Row(
                        "to-accuracy-warm-up",
                        "the same, the rehearsal while Spark starts counted in",
                        Side.FIT_SECONDS_REHEARSED,
                        "s",
                        MllibPeer.NAME,
                        Row.Kind.PEER_OVER_OURS,
                        20,
                        50));
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, wholeMnist(new UntilAccuracy(epochs -> lockstep.training(modern(epochs)).run(), 2, 1, 15)));
        UntilAccuracy.Training mllib = new MllibPeer(workplace).training(TWO_CORES, data);
        sides.put(MllibPeer.NAME, wholeMnist(new UntilAccuracy(mllib, 80, 10, 200)));
        return ofRuns("to-accuracy", rows, sides, modern(2));
    }

    private LockstepRuns.Command modern(int epochs) {
        return LockstepRuns.Command.train(
                TWO_CORES,
                data,
                with(
                        LockstepRuns.EVALUATE_AT_THE_END,
                        "--preset",
                        "modern",
                        "--learning-rate",
                        "0.15",
                        "--epochs",
                        Integer.toString(epochs)));
    }

    private Side wholeMnist(Side side) {
        return () -> {
            if (trainExamples < WHOLE_MNIST) {
                throw new AbsentException("a test accuracy of " + UntilAccuracy.WANTED + " wants the whole MNIST, --data; "
                        + data + " has " + trainExamples + " training examples");
            }
            return side.run();
        };
    }

    private Experiment evaluate() {
        List<Row> rows = List.of(
                new Row(
                        "evaluate-steady",
                        "evaluate, 784-50-10, local[2], in the loop (reading left out), steady state: median of 10,000 images",
                        Side.IMAGES_PER_SECOND_P50,
                        "images/s",
                        NumpyPeer.NAME,
                        Row.Kind.OURS_AT_LEAST,
                        1_000_000,
                        3_000_000),
                new Row(
                        "evaluate-whole",
                        "the same over the whole loop of 600,000 images with the JVM's warm-up",
                        Side.IMAGES_PER_SECOND,
                        "images/s",
                        NumpyPeer.NAME,
                        Row.Kind.OURS_AT_LEAST,
                        1_000_000,
                        3_000_000));
        EvaluationRuns runs = new EvaluationRuns(lockstep, workplace, TWO_CORES, data, quick);
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, runs);
        sides.put(NumpyPeer.NAME, numpy.training(data, HIDDEN, BATCH, 1));
        return new Experiment("evaluate", rows, sides, rounds -> List.of(), rounds -> {
            try {
                return lockstep.profile(runs.command());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private Experiment dense() {
        return kernels.dense(new Row(
                "dense",
                "dense input (no zeros), 784-50, forward + weight gradient, batch 256, one core",
                Side.MICROS,
                "us",
                OpenBlas.NAME,
                Row.Kind.PEER_OVER_OURS,
                0.7,
                1));
    }

    private static final Row KERNELS = new Row(
            "kernels",
            "kernels of a step, 784-50-10, batch 100, one core: bytes moved a second, against a streaming read of W1",
            Side.GIGABYTES_PER_SECOND,
            "GB/s",
            "roof",
            Row.Kind.OURS_OVER_PEER,
            0.3,
            0.6);

    private Experiment start() {
        Row row = new Row(
                "start",
                "process start to model saved, preset book on data/mnist-10k, built already (NumPy: the whole process)",
                Side.SECONDS,
                "s",
                NumpyPeer.NAME,
                Row.Kind.OURS_AT_MOST,
                12,
                7);
        LockstepRuns.Command command = LockstepRuns.Command.train(
                "", smallData, List.of("--preset", "book", "--iterations", Integer.toString(steps(10_000))));
        Map<String, Side> sides = sides(command, numpy.training(smallData, HIDDEN, BATCH, steps(10_000)));
        return ofRuns("start", List.of(row), sides, command);
    }

    private Map<String, Side> sides(LockstepRuns.Command ours, Side numpys) {
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, lockstep.training(ours));
        sides.put(NumpyPeer.NAME, numpys);
        return sides;
    }

    private Experiment ofRuns(String name, List<Row> rows, Map<String, Side> sides, LockstepRuns.Command command) {
        return new Experiment(name, rows, sides, rounds -> List.of(), rounds -> lockstep.profile(command));
    }

    /** @param more options */
    private LockstepRuns.Command training(String master, int hidden, int batch, int steps, String... more) {
        List<String> options = with(
                LockstepRuns.EVALUATE_AT_THE_END,
                "--preset",
                "book",
                "--hidden",
                Integer.toString(hidden),
                "--batch-size",
                Integer.toString(batch),
                "--iterations",
                Integer.toString(steps));
        return LockstepRuns.Command.train(master, data, with(options, more));
    }

    private static List<String> with(List<String> options, String... more) {
        List<String> all = new ArrayList<>(options);
        all.addAll(List.of(more));
        return all;
    }

    /** The controls of whole runs: a step of twice the examples. */
    Control runsControl() {
        return new Control(
                "training, local[2], batches of " + CONTROL_BATCH + " and twice as many",
                Side.STEP_MILLIS_P50,
                controlSides(CONTROL_BATCH),
                controlSides(2 * CONTROL_BATCH),
                quick ? Control.Bounds.QUICK : Control.Bounds.REAL);
    }

    private Map<String, Side> controlSides(int batch) {
        int steps = quick ? QUICK_CONTROL_STEPS : CONTROL_STEPS;
        return sides(
                training(TWO_CORES, HIDDEN, batch, steps),
                numpy.training(data, HIDDEN, batch, QUICK_CONTROL_STEPS / 2));
    }

    /** The controls of kernels. */
    List<Control> kernelControls() {
        return kernels.controls();
    }
}
