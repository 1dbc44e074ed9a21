package dev.lockstep.step;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkConf;

/** A driver that writes requests down, and answers with whatever bytes the test likes. */
final class ExchangeFakeDriver implements Wire.Listener, AutoCloseable {
    private static final long REQUEST_SECONDS = 30;

    private record Request(ByteBuffer frame, Wire wire) {}

    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private final ExchangeDoor door;
    private final RunTicket ticket;
    private final AtomicInteger signs = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();
    private Request latest;

    ExchangeFakeDriver(SparkConf conf, RunTicket secret) {
        door = new ExchangeDoor(conf, secret, "127.0.0.1", 0, 1, this, Integer.MAX_VALUE);
        ticket = secret.at(door.port());
    }

    /** What a worker needs to find it. */
    RunTicket ticket() {
        return ticket;
    }

    @Override
    public void received(Wire wire, ByteBuffer frame) {
        if (frame.getInt(FrameLayout.TYPE_OFFSET) == FrameLayout.ALIVE) {
            signs.incrementAndGet();
            return;
        }
        ByteBuffer copy = ByteBuffer.allocate(frame.limit()).order(ByteOrder.LITTLE_ENDIAN);
        requests.add(new Request(copy.put(0, frame, 0, frame.limit()), wire));
    }

    @Override
    public void closed(Wire wire) {
        ended.incrementAndGet();
    }

    /** The next request, of the given type. */
    ByteBuffer request(int type) throws InterruptedException {
        latest = requests.poll(REQUEST_SECONDS, TimeUnit.SECONDS);
        if (latest == null) {
            throw new AssertionError("no request of type " + type + " in " + REQUEST_SECONDS + " s");
        }
        FrameLayout.open(latest.frame());
        if (latest.frame().getInt(FrameLayout.TYPE_OFFSET) != type) {
            throw new AssertionError("request: expected type " + type + ", found "
                    + latest.frame().getInt(FrameLayout.TYPE_OFFSET));
        }
        return latest.frame();
    }

    /** How often workers have said that they are alive. */
    int signs() {
        return signs.get();
    }

    /** Connections that have ended. */
    int ended() {
        return ended.get();
    }

    boolean hasRequest() {
        return !requests.isEmpty();
    }

    /** Answers the latest request. */
    void answer(ByteBuffer frame) {
        latest.wire().send(frame, null);
    }

    /** Ends the connection that the latest request came over. */
    void hangUp() {
        latest.wire().close();
    }

    @Override
    public void close() {
        door.close();
    }
}
