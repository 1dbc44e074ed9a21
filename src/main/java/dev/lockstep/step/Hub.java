package dev.lockstep.step;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;

/**
 * A process's place in a run: the team of its tasks, and the way to the coordinator. Tasks of the same run that Spark puts
 * into the same process find each other here, so that they share shards and send one message a step.
 */
abstract class Hub {
    /**
     * The hubs of this process by run. Spark offers tasks of one process no other common ground; entries live from a
     * run's first task here to its last.
     */
    private static final Map<String, Hub> HUBS = new ConcurrentHashMap<>();

    private final String runId;
    private int taskCount;

    Hub(String runId) {
        this.runId = runId;
    }

    /** Makes this the hub of its run in this process, for tasks that come later. */
    void register() {
        HUBS.put(runId, this);
    }

    /** Undoes {@link #register}. */
    void unregister() {
        HUBS.remove(runId, this);
    }

    /**
     * Enters a task into its run's hub in this process, which is made and connected if there is none.
     *
     * @throws IOException if the driver cannot be reached
     */
    static Hub enter(RunTicket ticket, StepPlan plan, Configuration conf) throws IOException {
        synchronized (HUBS) {
            Hub hub = HUBS.get(ticket.runId());
            if (hub == null) {
                hub = new ExchangeClient(ticket, plan, conf);
                hub.register();
            }
            hub.taskCount++;
            if (hub.taskCount == 1) {
                hub.connect();
            }
            return hub;
        }
    }

    private void connect() throws IOException {
        try {
            firstTaskEntered();
        } catch (IOException | RuntimeException | Error e) { // or the next task would wait in a team that has no driver
            taskCount--;
            lastTaskLeft();
            throw e;
        }
    }

    /** A task leaves. */
    void exit() {
        synchronized (HUBS) {
            taskCount--;
            if (taskCount == 0) {
                lastTaskLeft();
            }
        }
    }

    /** The team that tasks work in. */
    abstract WorkerTeam team();

    /** The process has its first task: it joins the run. */
    abstract void firstTaskEntered() throws IOException;

    /** The process has no task any more. */
    abstract void lastTaskLeft();

    /** Why the process had to leave before the run was over; null if it did not. */
    abstract Throwable failure();
}
