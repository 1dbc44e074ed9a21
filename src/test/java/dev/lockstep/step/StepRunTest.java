package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class StepRunTest {
    private static final GradientPart GRADIENT = new GradientPart(0, 1, null);

    /** Rounds that a test completes. */
    private static final class Rounds implements StepRun.Rounds {
        final List<Long> begun = new ArrayList<>();
        RuntimeException failure;
        Runnable whenComplete;

        @Override
        public void begin(long step, Runnable next) {
            if (failure != null) {
                throw failure;
            }
            begun.add(step);
            whenComplete = next;
        }

        @Override
        public GradientPart gradient() {
            return GRADIENT;
        }
    }

    private final Rounds rounds = new Rounds();

    @Test
    void eachStepIsBegunByWhoeverCompletesTheOneBefore() throws InterruptedException {
        List<Thread> ended = new ArrayList<>();
        StepRun run = new StepRun(7, rounds, gradient -> {
            assertThat(gradient).isSameAs(GRADIENT);
            ended.add(Thread.currentThread());
            return ended.size() < 3;
        });
        run.begin();
        Thread other = new Thread(() -> {
            rounds.whenComplete.run();
            rounds.whenComplete.run();
        });
        other.start();
        other.join();
        assertThat(rounds.begun).containsExactly(7L, 8L, 9L);
        assertThat(run.step()).isEqualTo(9);
        assertThat(run.isOver()).isFalse();
        rounds.whenComplete.run();
        assertThat(ended).containsExactly(other, other, Thread.currentThread());
        assertThat(rounds.begun).as("none after the last").containsExactly(7L, 8L, 9L);
        assertThat(run.isOver()).isTrue();
        assertThatCode(run::requireSuccess).doesNotThrowAnyException();
    }

    @Test
    void whatFailsEndsTheStepsAndReachesTheTrainingThread() {
        StepRun ofEnd = new StepRun(0, rounds, gradient -> {
            throw new AssertionError("the end's");
        });
        ofEnd.begin();
        rounds.whenComplete.run();
        assertThat(ofEnd.isOver()).isTrue();
        assertThatThrownBy(ofEnd::requireSuccess)
                .isInstanceOf(AssertionError.class)
                .hasMessage("the end's");

        StepRun ofRound = new StepRun(0, rounds, gradient -> true);
        ofRound.begin();
        rounds.failure = new IllegalStateException("the round's");
        rounds.whenComplete.run();
        assertThat(ofRound.isOver()).isTrue();
        assertThatThrownBy(ofRound::requireSuccess).isSameAs(rounds.failure);
    }

    /** The weights are the caller's again then. */
    @Test
    void afterAStopNoStepIsEndedAndOneThatIsBeingEndedIsWaitedFor() throws InterruptedException {
        AtomicBoolean isEnding = new AtomicBoolean();
        AtomicBoolean mayEnd = new AtomicBoolean();
        List<String> order = new ArrayList<>();
        StepRun run = new StepRun(0, rounds, gradient -> {
            isEnding.set(true);
            Await.until(() -> "it may end", mayEnd::get);
            order.add("ended");
            return true;
        });
        run.begin();
        Thread ending = new Thread(rounds.whenComplete);
        ending.start();
        Await.until(() -> "the step ends", isEnding::get);
        Thread stopping = new Thread(() -> {
            run.stop();
            order.add("stopped");
        });
        stopping.start();
        Await.until(() -> "the stop waits", () -> stopping.getState() == Thread.State.BLOCKED);
        mayEnd.set(true);
        ending.join();
        stopping.join();
        assertThat(order).containsExactly("ended", "stopped");
        rounds.whenComplete.run();
        assertThat(order).as("late").containsExactly("ended", "stopped");
    }
}
