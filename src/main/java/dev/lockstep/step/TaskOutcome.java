package dev.lockstep.step;

import dev.lockstep.BadInputException;
import java.util.function.Supplier;

/**
 * What a task brings back: a value, or what is wrong with the input. Bad input comes back as a message instead of failing
 * the task, since Spark would try a failing task again and print a stack trace each time.
 *
 * @param <T> type of the value, known to {@link LockstepKryoRegistrator}
 */
public final class TaskOutcome<T> {
    private final T value;
    private final String badInput;

    private TaskOutcome(T value, String badInput) {
        this.value = value;
        this.badInput = badInput;
    }

    /** Runs a task's work. */
    public static <T> TaskOutcome<T> of(Supplier<T> work) {
        try {
            return new TaskOutcome<>(work.get(), null);
        } catch (BadInputException e) {
            return new TaskOutcome<>(null, e.getMessage());
        }
    }

    /** Whether there is no value. */
    boolean isBadInput() {
        return badInput != null;
    }

    /**
     * The value.
     *
     * @throws BadInputException if the task found bad input
     */
    public T get() {
        if (badInput != null) {
            throw new BadInputException(badInput);
        }
        return value;
    }
}
