package dev.lockstep.step;

import dev.lockstep.BadInputException;
import org.apache.spark.SparkConf;

/** The driver's end of the exchange with worker processes: a door, and the members who came in by it. */
final class ExchangeServer implements AutoCloseable {
    /** Parts are taken one at a time anyway, and two threads that wake each other cost 50 us a step on two cores. */
    private static final int TRANSPORT_THREADS = 1;

    private final RemoteMembers members;
    private final ExchangeDoor door;

    ExchangeServer(SparkConf conf, RunTicket ticket, StepPlan plan, Coordinator coordinator) {
        this.members = new RemoteMembers(plan, coordinator);
        String bindAddress = conf.get("spark.driver.bindAddress", ticket.host());
        try {
            this.door = new ExchangeDoor(
                    conf,
                    ticket,
                    bindAddress,
                    ticket.settings().port(),
                    TRANSPORT_THREADS,
                    members,
                    ExchangeTransport.maxFrameBytes(plan));
        } catch (Exception e) { // Netty throws BindException without declaring it
            members.close();
            throw new BadInputException("--exchange-port " + ticket.settings().port() + ": cannot listen at "
                    + bindAddress + " (spark.driver.bindAddress): " + e.getMessage());
        }
    }

    int port() {
        return door.port();
    }

    long bytesUp() {
        return members.bytesUp();
    }

    long bytesDown() {
        return members.bytesDown();
    }

    long strangers() {
        return door.strangers();
    }

    /** Ends all connections; what is still being sent may be lost. */
    @Override
    public void close() {
        door.close();
        members.close();
    }
}
