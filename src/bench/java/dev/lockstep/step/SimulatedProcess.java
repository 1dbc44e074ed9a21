package dev.lockstep.step;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A process in virtual time: one CPU for all that has to do with frames, which does one task after the other, and one
 * network interface for each direction. It may die, or fall silent: then its connections stay and it does nothing.
 */
final class SimulatedProcess {
    private record Task(double cpuSeconds, Runnable body) {}

    private final SimulatedNetwork network;
    private final String name;
    private final Deque<Task> tasks = new ArrayDeque<>();
    private double clockSeconds;
    private double sendsUntilSeconds;
    private double receivesUntilSeconds;
    private double diedSeconds = Double.POSITIVE_INFINITY;
    private boolean isBusy;
    private boolean isSilent;

    SimulatedProcess(SimulatedNetwork network, String name) {
        this.network = network;
        this.name = name;
    }

    /** A task, after all that were submitted before; its body happens when it has cost what it costs. */
    void submit(double cpuSeconds, Runnable body) {
        if (!isDead()) {
            tasks.add(new Task(cpuSeconds, body));
            startNext();
        }
    }

    private void startNext() {
        if (!isBusy && !isSilent && !tasks.isEmpty()) {
            isBusy = true;
            network.at(network.nowSeconds() + tasks.peek().cpuSeconds, this::run);
        }
    }

    private void run() {
        if (isDead()) {
            return;
        }
        if (isSilent) {
            isBusy = false; // the task is still there, for when it goes on
            return;
        }
        clockSeconds = network.nowSeconds();
        tasks.remove().body.run();
        network.at(clockSeconds, this::finish);
    }

    private void finish() {
        isBusy = false;
        startNext();
    }

    /** The task under way costs more. */
    void spend(double cpuSeconds) {
        clockSeconds = clockSeconds() + cpuSeconds;
    }

    /** The time of the task under way. */
    double clockSeconds() {
        return Math.max(clockSeconds, network.nowSeconds());
    }

    /** Occupies the outgoing interface; returns when it begins to send. */
    double send(int bytes) {
        double from = Math.max(clockSeconds(), sendsUntilSeconds);
        sendsUntilSeconds = from + network.transferSeconds(bytes);
        return from;
    }

    /** Occupies the incoming interface from now on; returns when everything is there. */
    double receive(int bytes) {
        receivesUntilSeconds =
                Math.max(network.nowSeconds(), receivesUntilSeconds) + network.transferSeconds(bytes);
        return receivesUntilSeconds;
    }

    void die() {
        diedSeconds = Math.min(diedSeconds, network.nowSeconds());
        tasks.clear();
    }

    boolean isDead() {
        return diedSeconds != Double.POSITIVE_INFINITY;
    }

    /** Whether it was alive at that time. */
    boolean lived(double seconds) {
        return seconds < diedSeconds;
    }

    void silence() {
        isSilent = true;
    }

    /** Goes on where it fell silent. */
    void goOn() {
        isSilent = false;
        startNext();
    }

    boolean isSilent() {
        return isSilent;
    }

    @Override
    public String toString() {
        return name;
    }
}
