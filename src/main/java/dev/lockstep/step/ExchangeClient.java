package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker process's end of the exchange: one connection to the driver for all tasks of the run in this process and, where
 * workers pass orders on to others, a door for those above and connections to those below. Owns these, the team and the
 * session.
 */
final class ExchangeClient extends Hub {
    private static final Logger LOG = LoggerFactory.getLogger(ExchangeClient.class);

    /** Other processes may want the core, and the transport's thread computes what there is for one thread. */
    private static final long SPIN_NANOS = 20_000;

    private final RunTicket ticket;
    private final StepPlan plan;
    private final WorkerTeam team;
    private final WorkerSession session;
    private final Relay.Roads roads = this::connect;
    private ExchangeConnector connector;
    private ExchangeDoor door;
    private ExecutorService travellers;
    private Wire driver;
    private volatile SignsOfLife signs;
    private volatile boolean over;
    private volatile Throwable failure;

    ExchangeClient(RunTicket ticket, StepPlan plan, Configuration conf) {
        super(ticket.runId());
        this.ticket = ticket;
        this.plan = plan;
        ShardStore shards = new ShardStore(conf, plan);
        this.team =
                new WorkerTeam(plan, shards, new Rehearsal(plan, shards, ticket.rehearses()), this::done, SPIN_NANOS);
        this.session = new WorkerSession(plan, team::submit, ticket.settings().fanIn() == 0 ? null : roads);
        if (plan.kernel() == KernelChoice.AUTO) { // processes may differ, and the driver's log tells of the driver
            LOG.info("kernels: {}", KernelChoice.explainAuto());
        }
    }

    @Override
    WorkerTeam team() {
        return team;
    }

    @Override
    void firstTaskEntered() throws IOException {
        SparkEnv env = SparkEnv.get();
        long maxFrameBytes = ExchangeTransport.maxFrameBytes(plan);
        String host = env.blockManager().blockManagerId().host();
        connector = new ExchangeConnector(env.conf(), ticket, maxFrameBytes);
        if (ticket.settings().fanIn() > 0) {
            travellers = Executors.newCachedThreadPool(task -> {
                Thread thread = new Thread(task, "lockstep-connect");
                thread.setDaemon(true);
                return thread;
            });
            door = open(env, host, maxFrameBytes);
        }
        driver = connector.connect(ticket.host(), ticket.port(), new FromDriver());
        session.driver(driver);
        signs = new SignsOfLife(driver, ticket.settings().signMillis());
        byte[] name = name(env, host).getBytes(StandardCharsets.UTF_8);
        byte[] address = (door == null ? "" : host).getBytes(StandardCharsets.UTF_8);
        ByteBuffer join = FrameLayout.room(FrameLayout.HEADER_BYTES + name.length + address.length);
        int port = door == null ? 0 : door.port();
        FrameLayout.start(join, FrameLayout.JOIN, 0, name.length, -1, -1, port);
        driver.send(FrameLayout.end(join.put(name).put(address)), null);
    }

    /** Who this is in Spark's UI, by the first of its tasks. */
    private static String name(SparkEnv env, String host) {
        TaskContext task = TaskContext.get();
        String executor = "executor " + env.executorId() + " on " + host;
        return task == null ? executor : executor + " (task " + task.partitionId() + "." + task.attemptNumber() + ")";
    }

    /** A worker that nobody can reach takes part all the same, directly below the driver; then this is null. */
    private ExchangeDoor open(SparkEnv env, String host, long maxFrameBytes) {
        try {
            return new ExchangeDoor(env.conf(), ticket, host, 0, 1, new FromAbove(), maxFrameBytes);
        } catch (Exception e) { // Netty throws BindException without declaring it
            LOG.warn("others cannot reach this worker, since it cannot listen at {}: {}", host, e.toString());
            return null;
        }
    }

    /** By a thread of its own, since connecting waits. */
    private void connect(Route.Address address, Wire.Listener listener, Consumer<Wire> connected) {
        try {
            travellers.execute(() -> {
                Wire wire = null;
                try {
                    wire = connector.connect(address.host(), address.port(), listener);
                } catch (IOException | RuntimeException e) {
                    LOG.info("no connection to {}: {}", address, e.getMessage());
                }
                connected.accept(wire);
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("no connection to {}: the run is over here", address);
        }
    }

    @Override
    void lastTaskLeft() {
        unregister();
        over = true;
        session.stop();
        if (door != null) {
            door.close();
        }
        if (travellers != null) {
            travellers.shutdownNow();
        }
        if (signs != null) {
            signs.close();
        }
        if (driver != null) {
            driver.close();
        }
        if (connector != null) {
            connector.close();
        }
        team.close();
        session.close();
    }

    @Override
    Throwable failure() {
        return failure;
    }

    private void fail(Throwable e) {
        if (!over) {
            failure = e;
        }
        unregister(); // a task that Spark tries again makes a new hub, also while others are still leaving this one
        team.end();
    }

    private void done(Work work) {
        if (work.failure != null && !(work.failure instanceof BadInputException)) {
            failure = work.failure; // bad input ends the run: Spark is not to try the task again
        }
        try {
            session.done(work);
        } catch (RuntimeException | Error e) {
            fail(e); // or the driver would wait for an answer that never comes
            throw e;
        }
    }

    private void order(Wire wire, ByteBuffer frame) {
        session.order(wire, frame);
        // This thread has just what is needed in its core's cache, and waking another takes as long as half a part.
        if (!team.help(true)) {
            team.call();
        }
    }

    /** What the driver says. */
    private final class FromDriver implements Wire.Listener {
        @Override
        public void received(Wire wire, ByteBuffer frame) {
            try {
                switch (frame.getInt(FrameLayout.TYPE_OFFSET)) {
                    case FrameLayout.OVER -> over(frame.getInt(FrameLayout.DETAIL_OFFSET) == 1);
                    case FrameLayout.HAND_IN -> session.handIn();
                    default -> {
                        signs.begin(frame.getInt(FrameLayout.MEMBER_OFFSET));
                        order(wire, frame);
                    }
                }
            } catch (MalformedFrameException e) {
                fail(e);
                throw e;
            } catch (RuntimeException | Error e) {
                fail(e); // the transport would only log it, and the tasks would wait for ever
            }
        }

        private void over(boolean goesOn) {
            if (goesOn && failure == null) {
                failure = new IOException("the run goes on without this worker"); // and welcomes a new one
            }
            over = true;
            unregister();
            team.end();
        }

        @Override
        public void closed(Wire wire) {
            fail(new IOException("the connection to " + ticket + " ended"));
        }
    }

    /** What workers above say. */
    private final class FromAbove implements Wire.Listener {
        @Override
        public void received(Wire wire, ByteBuffer frame) {
            order(wire, frame);
        }

        @Override
        public void closed(Wire wire) {
            session.closed(wire);
        }
    }
}
