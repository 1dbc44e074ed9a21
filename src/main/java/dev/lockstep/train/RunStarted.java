package dev.lockstep.train;

import org.apache.spark.scheduler.SparkListenerEvent;

/**
 * Tells whoever listens to a Spark context, {@link MetricsPlugin} above all, that a run begins: Spark makes its plugins itself,
 * so this is how they come by the run.
 *
 * @param meter the run's figures, good as long as the context
 */
public record RunStarted(RunMeter meter) implements SparkListenerEvent {
    /** It means nothing to who reads the events later from a file. */
    @Override
    public boolean logEvent() {
        return false;
    }
}
