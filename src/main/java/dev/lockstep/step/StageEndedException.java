package dev.lockstep.step;

import org.apache.spark.SparkThrowable;

/** Spark ended the workers' stage before the run was over: somebody cancelled it, or tasks failed too often. */
public final class StageEndedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Spark's name for the end of a job that somebody cancelled. */
    private static final String CANCELLED = "SPARK_JOB_CANCELLED";

    private final boolean cancelled;

    StageEndedException(boolean cancelled, String reason, Throwable cause) {
        super("Spark ended the workers' stage: " + reason, cause);
        this.cancelled = cancelled;
    }

    /** Whether a job failed with this because somebody cancelled it. */
    public static boolean isCancellation(Throwable failure) {
        return failure instanceof SparkThrowable spark && CANCELLED.equals(spark.getCondition());
    }

    /** Whether somebody wanted it to end. */
    public boolean isCancelled() {
        return cancelled;
    }
}
