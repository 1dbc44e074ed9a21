package dev.lockstep.train;

import dev.lockstep.step.GradientSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The figures of a run under way, for whoever watches. The training thread tells it of every step, which costs it a few stores
 * and no lock; any thread reads, and whatever takes time (sorting, formatting) it does itself. Figures of one step may be read
 * beside those of the next.
 */
public final class RunMeter implements TrainingListener {
    /** Percentiles are of so many newest steps. */
    private static final int RECENT_STEPS = 1024;
    /** A single mini-batch's loss jumps about. */
    private static final double LOSS_STEPS = 100;

    private final long totalSteps;
    private final GradientSource source;
    private final AtomicLongArray recentNanos = new AtomicLongArray(RECENT_STEPS);
    private final AtomicLong step = new AtomicLong(-1);
    private final AtomicLong stepsHere = new AtomicLong();
    private final AtomicLong lossBits = new AtomicLong(Double.doubleToRawLongBits(Double.NaN));
    private final AtomicLong rateBits = new AtomicLong(Double.doubleToRawLongBits(Double.NaN));
    private volatile Evaluation latest;
    private double recentLoss = Double.NaN; // the training thread's

    /**
     * @param totalSteps of the whole run
     * @param source whose counters are read; it outlives the reading
     */
    public RunMeter(long totalSteps, GradientSource source) {
        this.totalSteps = totalSteps;
        this.source = source;
    }

    @Override
    public void stepDone(StepReport report) {
        long done = stepsHere.getPlain();
        recentNanos.setOpaque((int) (done % RECENT_STEPS), report.nanos());
        recentLoss = Double.isNaN(recentLoss) ? report.loss() : recentLoss + (report.loss() - recentLoss) / LOSS_STEPS;
        lossBits.setOpaque(Double.doubleToRawLongBits(recentLoss));
        rateBits.setOpaque(Double.doubleToRawLongBits(report.learningRate()));
        step.setOpaque(report.step());
        stepsHere.setRelease(done + 1);
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        latest = evaluation;
    }

    /** Steps done, of the whole run; 0 before the first. */
    public long step() {
        return Math.max(0, step.getOpaque());
    }

    /** Steps done in this process. */
    public long stepsHere() {
        return stepsHere.getAcquire();
    }

    /** Steps of the whole run. */
    public long totalSteps() {
        return totalSteps;
    }

    /** Mean loss of about a hundred newest mini-batches; NaN before the first. */
    public double loss() {
        return Double.longBitsToDouble(lossBits.getOpaque());
    }

    /** Of the last update; NaN before the first. */
    public double learningRate() {
        return Double.longBitsToDouble(rateBits.getOpaque());
    }

    /** The last evaluation. */
    public Optional<Evaluation> latest() {
        return Optional.ofNullable(latest);
    }

    /** How long the newest steps took, up to {@value #RECENT_STEPS}. */
    public StepMillis recent() {
        long[] nanos = new long[(int) Math.min(RECENT_STEPS, stepsHere())];
        for (int i = 0; i < nanos.length; i++) {
            nanos[i] = recentNanos.getOpaque(i);
        }
        return StepMillis.of(nanos);
    }

    /** Bytes, workers and more. */
    public GradientSource.Counters counters() {
        return source.counters();
    }

    /** The times of the workers. */
    public List<GradientSource.WorkerTimes> workers() {
        return source.workerTimes();
    }
}
