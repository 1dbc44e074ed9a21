package dev.lockstep.step;

import dev.lockstep.step.GradientSource.StepEnd;
import java.util.concurrent.locks.LockSupport;

/**
 * Steps one after another that do not wait for the training thread: whoever brings the last part of a step, a thread of the
 * transport, ends it and begins the next, so that nobody has to be woken between the last part and the next orders. The
 * training thread waits, and watches.
 */
final class StepRun {
    /** The rounds of the steps. Called with this object's monitor held. */
    interface Rounds {
        /** Begins the round of a step. */
        void begin(long step, Runnable whenComplete);

        /** The gradient of the round, which is complete. */
        GradientPart gradient();
    }

    private final Thread trainingThread = Thread.currentThread();
    private final Rounds rounds;
    private final StepEnd end;
    private final Runnable whenComplete = this::complete; // one for all steps
    private volatile long step;
    private volatile boolean over;
    private Throwable failure;

    StepRun(long first, Rounds rounds, StepEnd end) {
        this.step = first;
        this.rounds = rounds;
        this.end = end;
    }

    /** Begins the first step. */
    synchronized void begin() {
        rounds.begin(step, whenComplete);
    }

    private synchronized void complete() {
        if (over) {
            return;
        }
        try {
            if (end.stepEnds(rounds.gradient())) {
                step++;
                rounds.begin(step, whenComplete);
                return;
            }
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        over = true;
        LockSupport.unpark(trainingThread);
    }

    /** The step under way. */
    long step() {
        return step;
    }

    /** Whether no step is under way any more. */
    boolean isOver() {
        return over;
    }

    /** Ends no step any more; one that is being ended is waited for. */
    synchronized void stop() {
        over = true;
    }

    /** Throws what ended the steps, if they failed. They are over. */
    synchronized void requireSuccess() {
        if (failure instanceof Error e) {
            throw e;
        }
        if (failure != null) {
            throw (RuntimeException) failure;
        }
    }
}
