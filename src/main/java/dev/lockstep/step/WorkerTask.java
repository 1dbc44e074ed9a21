package dev.lockstep.step;

import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.TaskContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A task of the stage that lives for the whole run: it works in its process's team until the run is over. */
final class WorkerTask {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerTask.class);

    private WorkerTask() {}

    /**
     * Works until the run is over, or Spark kills the task.
     *
     * @throws IOException if the driver cannot be reached, or the connection to it is lost: Spark tries the task again
     */
    static void run(RunTicket ticket, StepPlan plan, Configuration conf) throws IOException {
        TaskContext task = TaskContext.get();
        Hub hub = Hub.enter(ticket, plan, conf);
        try {
            hub.team().work(task::isInterrupted);
        } finally {
            hub.exit();
        }
        task.killTaskIfInterrupted();
        if (hub.failure() != null) {
            throw new IOException("left " + ticket + ": " + hub.failure().getMessage(), hub.failure());
        }
        LOG.debug("{} is over", ticket);
    }
}
