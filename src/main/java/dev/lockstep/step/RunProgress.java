package dev.lockstep.step;

import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.AccumulatorV2;
import org.apache.spark.util.DoubleAccumulator;
import org.apache.spark.util.LongAccumulator;

/**
 * Named accumulators, for Spark's UI: how far workers have come, of how many examples they computed the gradient, and the
 * sum of those examples' losses. A process adds its counts when its last task ends.
 */
final class RunProgress implements Serializable {
    private static final long serialVersionUID = 1L;

    private final Maximum steps = new Maximum();
    private final LongAccumulator examples;
    private final DoubleAccumulator loss;

    RunProgress(SparkContext spark) {
        spark.register(steps, "Lockstep: step");
        this.examples = spark.longAccumulator("Lockstep: examples");
        this.loss = spark.doubleAccumulator("Lockstep: loss, sum over examples");
    }

    void add(long newSteps, long newExamples, double newLoss) {
        steps.add(newSteps);
        examples.add(newExamples);
        loss.add(newLoss);
    }

    /** The largest of the values. */
    private static final class Maximum extends AccumulatorV2<Long, Long> {
        private static final long serialVersionUID = 1L;

        private long value;

        @Override
        public boolean isZero() {
            return value == 0;
        }

        @Override
        public AccumulatorV2<Long, Long> copy() {
            Maximum copy = new Maximum();
            copy.value = value;
            return copy;
        }

        @Override
        public void reset() {
            value = 0;
        }

        @Override
        public void add(Long other) {
            value = Math.max(value, other);
        }

        @Override
        public void merge(AccumulatorV2<Long, Long> other) {
            add(other.value());
        }

        @Override
        public Long value() {
            return value;
        }
    }
}
