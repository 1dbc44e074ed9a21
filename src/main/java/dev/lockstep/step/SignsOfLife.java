package dev.lockstep.step;

import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;

/**
 * Tells the driver again and again that this process is alive, by a thread of its own: the others may load shards or compute
 * for longer than the driver takes silence for. Begins when the driver has given this process its number.
 */
final class SignsOfLife implements AutoCloseable {
    private final Wire driver;
    private final long periodNanos;
    private final Thread thread;
    private volatile ByteBuffer frame; // the same each time, never changed
    private volatile boolean over;

    /** @param driver the wire to it; not closed by this object */
    SignsOfLife(Wire driver, long periodMillis) {
        this.driver = driver;
        this.periodNanos = periodMillis * 1_000_000;
        this.thread = new Thread(this::run, "lockstep-alive");
        thread.setDaemon(true);
    }

    /** The driver has given this process a number; called with every order. */
    void begin(int member) {
        if (frame == null) {
            ByteBuffer alive = FrameLayout.room(FrameLayout.HEADER_BYTES);
            FrameLayout.start(alive, FrameLayout.ALIVE, member, 0, -1, -1, 0);
            frame = FrameLayout.end(alive);
            thread.start();
        }
    }

    private void run() {
        while (!over) {
            driver.send(frame, null);
            LockSupport.parkNanos(this, periodNanos);
        }
    }

    /** Ends the thread soon. */
    @Override
    public void close() {
        over = true;
        LockSupport.unpark(thread);
    }
}
