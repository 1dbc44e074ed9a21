package dev.lockstep.tune;

import dev.lockstep.BadInputException;
import dev.lockstep.step.SharedShards;
import dev.lockstep.step.StageEndedException;
import dev.lockstep.step.TaskOutcome;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;
import scala.Function0;
import scala.Function1;
import scala.Function2;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.BoxedUnit;
import scala.util.Try;

/**
 * One rung as one Spark job, with a trial in each task. A job a rung, and not one for the whole search: which trials go on is
 * known when the last of the rung has ended, and a job that waited for it would hold slots in which nobody computes; what it
 * costs is some 20 ms, where a rung takes seconds at least. Ends of trials are handed to the calling thread as they come, so
 * that they can be written down while others train. One thread, but for {@link #cancel}.
 */
final class RungJob {
    private static final long LOOK_MILLIS = 100;

    /**
     * A trial's part of the job.
     *
     * @param state to go on from; null to begin at the beginning
     */
    record Order(Trial trial, long steps, Broadcast<byte[]> state) implements Serializable {}

    /** What is done with the end of a trial. */
    @FunctionalInterface
    interface Sink {
        /** @throws IOException if it cannot be written; the job is cancelled then */
        void accept(TrialEnd end) throws IOException;
    }

    /** The job was cancelled; which of its trials have ended, the sink knows. */
    static final class CancelledException extends Exception {
        private static final long serialVersionUID = 1L;
    }

    private final JavaSparkContext spark;
    private final Broadcast<SharedShards> shards;
    private final Broadcast<SerializableConfiguration> conf;
    private volatile boolean isCancelled;

    /** Owns nothing. */
    RungJob(JavaSparkContext spark, Broadcast<SharedShards> shards, Broadcast<SerializableConfiguration> conf) {
        this.spark = spark;
        this.shards = shards;
        this.conf = conf;
    }

    /** Asks for the end: of the job under way, or of the next one at its beginning. Any thread. */
    void cancel() {
        isCancelled = true;
    }

    /**
     * Runs the trials, and returns when the last has ended.
     *
     * @param states by trial number, of those that go on
     * @throws BadInputException if the data are damaged
     * @throws CancelledException after {@link #cancel}, or when somebody cancelled the job in Spark
     * @throws IOException if the sink throws it
     */
    void run(String description, List<Trial> trials, HalvingSteps steps, Map<Integer, byte[]> states, Sink sink)
            throws CancelledException, IOException {
        if (isCancelled) {
            throw new CancelledException();
        }
        List<Order> orders = new ArrayList<>();
        for (Trial trial : trials) {
            byte[] state = states.get(trial.number());
            orders.add(new Order(trial, steps.of(trial), state == null ? null : spark.broadcast(state)));
        }
        spark.setJobDescription(description);
        BlockingQueue<TaskOutcome<TrialEnd>> ends = new LinkedBlockingQueue<>();
        SimpleFutureAction<BoxedUnit> job = submit(orders, ends);
        try {
            hear(job, orders.size(), ends, sink);
        } finally {
            job.cancel(); // nothing to do if it is over
            orders.stream().filter(order -> order.state != null).forEach(order -> order.state.destroy());
            spark.setJobDescription(null);
        }
    }

    /** The steps of a trial at the end of the rung. */
    @FunctionalInterface
    interface HalvingSteps {
        /** Counted from the trial's beginning. */
        long of(Trial trial);
    }

    private SimpleFutureAction<BoxedUnit> submit(List<Order> orders, BlockingQueue<TaskOutcome<TrialEnd>> ends) {
        List<Integer> numbers = IntStream.range(0, orders.size()).boxed().toList();
        Seq<Object> partitions = CollectionConverters.<Object>asScala(List.<Object>copyOf(numbers))
                .toSeq();
        // Called by Spark's scheduler, which must not wait for files.
        Function2<Object, TaskOutcome<TrialEnd>, BoxedUnit> heard = (number, end) -> {
            ends.add(end);
            return BoxedUnit.UNIT;
        };
        Function0<BoxedUnit> nothing = () -> BoxedUnit.UNIT;
        return spark.sc()
                .submitJob(
                        spark.parallelize(numbers, numbers.size()).rdd(),
                        work(List.copyOf(orders), shards, conf),
                        partitions,
                        heard,
                        nothing);
    }

    /** Made by a static method, so that it carries its arguments and not this object. */
    private static Function1<Iterator<Integer>, TaskOutcome<TrialEnd>> work(
            List<Order> orders, Broadcast<SharedShards> shards, Broadcast<SerializableConfiguration> conf) {
        return (Function1<Iterator<Integer>, TaskOutcome<TrialEnd>> & Serializable) numbers -> {
            Order order = orders.get(numbers.next());
            TaskContext context = TaskContext.get();
            return TaskOutcome.of(() -> new TrialTask(order.trial, order.steps)
                    .run(
                            shards.value(),
                            conf.value().value(),
                            order.state == null ? null : order.state.value(),
                            context::isInterrupted));
        };
    }

    private void hear(
            SimpleFutureAction<BoxedUnit> job, int expected, BlockingQueue<TaskOutcome<TrialEnd>> ends, Sink sink)
            throws CancelledException, IOException {
        for (int heard = 0; heard < expected; ) {
            if (isCancelled) {
                job.cancel(); // what has ended by now is in the queue
            }
            boolean isOver = job.isCompleted(); // asked first: what it has given is in the queue by then
            TaskOutcome<TrialEnd> end = isOver || isCancelled ? ends.poll() : pollOrNull(ends);
            if (end != null) {
                sink.accept(end.get());
                heard++;
            } else if (isCancelled) {
                throw new CancelledException();
            } else if (isOver) {
                throw failure(job.value().get());
            }
        }
    }

    private TaskOutcome<TrialEnd> pollOrNull(BlockingQueue<TaskOutcome<TrialEnd>> ends) {
        try {
            return ends.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            isCancelled = true; // as the end of the process does after some patience
            return null;
        }
    }

    private static RuntimeException failure(Try<BoxedUnit> result) throws CancelledException {
        Throwable cause = result.isFailure() ? result.failed().get() : new IllegalStateException("no task is left");
        if (StageEndedException.isCancellation(cause)) {
            throw new CancelledException();
        }
        return new IllegalStateException("Spark gave up the trials: " + BadInputException.reason(cause), cause);
    }
}
