package dev.lockstep.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.util.ShutdownHookManager;

/**
 * Turns the end of the process from outside (Ctrl-C, SIGTERM) into a clean end of the run: the hook asks for a stop and
 * waits until the run has saved its state. It runs before Spark's own hook, which takes the workers away.
 */
final class StopSignal implements AutoCloseable {
    /** Hadoop runs hooks of higher priority first; Spark's is below 100. */
    private static final int PRIORITY = 200;

    private static final long TIMEOUT_SECONDS = 30;

    /** How long a step may take to end by itself. */
    private static final long PATIENCE_SECONDS = 10;

    private final CountDownLatch saved = new CountDownLatch(1);
    private Runnable hook;

    /** From now on the end of the process calls {@code requestStop} and waits until this object is closed. */
    void install(Runnable requestStop) {
        if (ShutdownHookManager.get().isShutdownInProgress()) { // while Spark started
            requestStop.run();
            return;
        }
        Thread training = Thread.currentThread();
        hook = () -> {
            requestStop.run();
            if (!await(PATIENCE_SECONDS)) {
                training.interrupt(); // it waits for a step that may never be whole
                await(TIMEOUT_SECONDS - PATIENCE_SECONDS);
            }
        };
        ShutdownHookManager.get().addShutdownHook(hook, PRIORITY, TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }

    private boolean await(long seconds) {
        try {
            return saved.await(seconds, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** The run has ended and saved what it wanted to. */
    @Override
    public void close() {
        saved.countDown();
        if (hook != null && !ShutdownHookManager.get().isShutdownInProgress()) {
            ShutdownHookManager.get().removeShutdownHook(hook);
        }
    }
}
