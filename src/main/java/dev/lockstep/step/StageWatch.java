package dev.lockstep.step;

import dev.lockstep.BadInputException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.api.java.JavaFutureAction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The training thread's eye on the workers while it waits for them: whether their stage goes on, and who is silent. */
final class StageWatch {
    private static final Logger LOG = LoggerFactory.getLogger(StageWatch.class);

    /** How long workers that give signs of life may load or compute before they count as stuck. */
    private static final long STUCK_SECONDS = 1800;

    private final JavaFutureAction<Void> stage;
    private final Coordinator coordinator;
    private final ExchangeSettings settings;
    private long watchedSinceNanos; // in this round
    private long lookedNanos;

    StageWatch(JavaFutureAction<Void> stage, Coordinator coordinator, ExchangeSettings settings) {
        this.stage = stage;
        this.coordinator = coordinator;
        this.settings = settings;
    }

    /** Workers are waited for from now on. */
    void begin(long now) {
        watchedSinceNanos = now;
        lookedNanos = now;
    }

    /**
     * Tasks of a cancelled stage may still be about, and would do one more step or another. Any thread.
     *
     * @throws StageEndedException if the stage has ended
     */
    void requireStage() {
        if (stage.isDone()) {
            throw stageEnded();
        }
    }

    /** @throws StageEndedException if the stage has ended, or this thread was interrupted */
    void requireNotStopped() {
        requireStage();
        if (Thread.interrupted()) {
            throw new StageEndedException(true, "the training thread was interrupted", null);
        }
    }

    /**
     * Gives up who is silent for too long. Called again and again while workers are waited for.
     *
     * @throws StageEndedException as {@link #requireNotStopped}
     * @throws WorkersMissingException if nobody has been there for too long
     */
    void requireProgress(long now) {
        requireNotStopped();
        long stepTimeoutNanos = TimeUnit.SECONDS.toNanos(settings.stepTimeoutSeconds());
        if (now - lookedNanos > stepTimeoutNanos / 2) {
            watchedSinceNanos = now; // this process stood still itself: what has come meanwhile has not been heard
        }
        lookedNanos = now;
        long progressNanos = coordinator.progressNanos();
        long waitedSeconds = TimeUnit.NANOSECONDS.toSeconds(now - progressNanos);
        if (coordinator.isEmpty()) {
            if (waitedSeconds >= settings.workerTimeoutSeconds()) {
                throw new WorkersMissingException(
                        "no worker for " + waitedSeconds + " s (--worker-timeout): " + coordinator.desertion());
            }
            return;
        }
        if (now - watchedSinceNanos >= stepTimeoutNanos) {
            coordinator.dropSilent(now - watchedSinceNanos, stepTimeoutNanos);
        }
        synchronized (coordinator) {
            if (coordinator.progressNanos() == progressNanos) { // else another thread may have begun the next round
                losePatience(waitedSeconds);
            }
        }
    }

    private void losePatience(long waitedSeconds) {
        if (waitedSeconds >= settings.stepTimeoutSeconds()) {
            coordinator.askCarriersToHandIn();
        }
        if (waitedSeconds >= STUCK_SECONDS) {
            giveUpStuck(waitedSeconds);
        }
    }

    private void giveUpStuck(long waitedSeconds) {
        String missing = coordinator.missing();
        if (coordinator.readyCount() == 0) {
            throw new IllegalStateException("waited " + waitedSeconds + " s: " + missing);
        }
        LOG.warn("waited {} s for {}; going on without", waitedSeconds, missing);
        coordinator.dropMissing("nothing delivered for " + waitedSeconds + " s");
    }

    private StageEndedException stageEnded() {
        try {
            stage.get(0, TimeUnit.SECONDS);
            return new StageEndedException(false, "all its tasks have returned", null);
        } catch (CancellationException e) {
            return new StageEndedException(true, "it was cancelled", e);
        } catch (ExecutionException | TimeoutException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            return new StageEndedException(
                    StageEndedException.isCancellation(cause), BadInputException.reason(cause), cause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new StageEndedException(true, "the training thread was interrupted", e);
        }
    }
}
