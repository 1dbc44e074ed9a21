package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.optim.Optimizer;
import java.util.List;

/**
 * Where gradients come from: the workers of a run, however they are reached. The training loop takes step after step from one
 * thread and knows nothing else about the cluster. All implementations give the same bits.
 */
public interface GradientSource extends AutoCloseable {
    /**
     * The gradient of the mean loss of a mini-batch.
     *
     * @param step number of the step, from 0; any order
     * @param weights the parameters; the caller does not change them during the call
     * @return the root of the reduction tree, owned by this source and good until the next call or close; its values may
     *     be changed by the caller
     */
    GradientPart gradient(long step, Parameters weights);

    /** What happens between a gradient and the next. */
    interface StepEnd {
        /**
         * Updates the weights. Exceptions end the steps and reach whoever wanted them.
         *
         * @param gradient as {@link #gradient} returns it
         * @return whether the next step follows at once
         */
        boolean stepEnds(GradientPart gradient);
    }

    /**
     * Takes steps one after another, until one is not to be followed by the next, or fails.
     *
     * @param first number of the first step, from 0
     * @param weights the parameters, which {@code end} changes and nobody else during the call
     * @param end called once a step, in order, by this thread or by another while this one waits
     */
    default void steps(long first, Parameters weights, StepEnd end) {
        long step = first;
        while (end.stepEnds(gradient(step, weights))) {
            step++;
        }
    }

    /**
     * Updates the weights by a gradient. The source may have threads that help, and the gradient in their caches.
     *
     * @param gradient what {@link #gradient} returned last
     * @param weights as {@link Optimizer#apply} changes them
     */
    default void update(Optimizer optimizer, float learningRate, GradientPart gradient, Parameters weights) {
        optimizer.apply(learningRate, gradient.values(), weights);
    }

    /** How the network with these parameters does on all examples of a split. */
    Score score(Split split, Parameters weights);

    /** What the workers loaded. */
    LoadReport data();

    /** Name of the engine, for logs and the run's summary. */
    String engine();

    /** Tasks that the shards are spread over. */
    int tasks();

    /** What has happened so far. */
    default Counters counters() {
        return new Counters(0, tasks(), 0, 0, 0, 0);
    }

    /**
     * Counts of a run.
     *
     * @param workersLost worker processes that went before the end
     * @param workersJoined worker processes that came
     * @param partsRefused parts that came late, twice or unasked
     * @param strangersRefused connections to the driver that did not show the run's secret
     * @param bytesUp bytes that worker processes sent to the driver
     * @param bytesDown bytes that the driver sent to worker processes
     */
    record Counters(
            long workersLost,
            long workersJoined,
            long partsRefused,
            long strangersRefused,
            long bytesUp,
            long bytesDown) {}

    /** What each worker process that is or was there did so far; empty if the engine does not know. Any thread. */
    default List<WorkerTimes> workerTimes() {
        return List.of();
    }

    /**
     * The times of a worker in the steps for which it delivered.
     *
     * @param name host and task, for people
     * @param steps that it delivered for
     * @param answerSeconds from the beginning of each of them to its delivery
     * @param aloneSeconds of them, how long all others had delivered and it was waited for alone
     */
    record WorkerTimes(String name, long steps, double answerSeconds, double aloneSeconds) {}

    /** Ends the workers and frees what they hold. */
    @Override
    void close();
}
