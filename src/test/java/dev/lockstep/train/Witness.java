package dev.lockstep.train;

import java.util.ArrayList;
import java.util.List;

/** Remembers what a trainer tells, and ends a run too early if told to. */
final class Witness implements TrainingListener {
    /** The end of the process, as the trainer sees it. */
    static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    final List<StepReport> steps = new ArrayList<>();
    final List<Evaluation> evaluations = new ArrayList<>();
    final List<String> warnings = new ArrayList<>();
    private final long endAfter;
    private Runnable stop;

    Witness() {
        this(0);
    }

    /**
     * @param endAfter steps after which the run dies, before anything of that step is saved; if negative, those after
     *     which it is asked to stop; 0 to let it run
     */
    Witness(long endAfter) {
        this.endAfter = endAfter;
    }

    /** How to ask the run to stop. */
    void stopBy(Runnable request) {
        stop = request;
    }

    @Override
    public void stepDone(StepReport report) {
        steps.add(report);
        if (report.step() == endAfter) {
            throw new Crash();
        }
        if (report.step() == -endAfter) {
            stop.run();
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        evaluations.add(evaluation);
    }

    @Override
    public void warned(String message) {
        warnings.add(message);
    }

    List<Long> evaluatedSteps() {
        return evaluations.stream().map(Evaluation::step).toList();
    }
}
