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

    private final CountDownLatch saved = new CountDownLatch(1);
    private Runnable hook;

    /** From now on the end of the process calls {@code requestStop} and waits until this object is closed. */
    void install(Runnable requestStop) {
        hook = () -> {
            requestStop.run();
            await();
        };
        ShutdownHookManager.get().addShutdownHook(hook, PRIORITY, TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }

    private void await() {
        try {
            saved.await(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
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
