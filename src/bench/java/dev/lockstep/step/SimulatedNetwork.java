package dev.lockstep.step;

import dev.lockstep.step.StepCost.Machine;
import dev.lockstep.step.StepCost.Network;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;

/**
 * A network in virtual time: what happens at which second, and what it costs. Single-threaded and deterministic: events of
 * the same time happen in the order in which they were planned.
 */
final class SimulatedNetwork {
    private record Event(double seconds, long number, Runnable what) {}

    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingDouble(Event::seconds).thenComparingLong(Event::number));
    private final Machine machine;
    private final Network network;
    private final FrameCosts costs;
    private final Random jitter; // null for none
    private final double maxJitterSeconds;
    private double nowSeconds;
    private long planned;
    private final List<String> malformed = new ArrayList<>();

    /**
     * @param jitter seeded; adds up to {@code maxJitterSeconds} to every frame's latency; null for none
     */
    SimulatedNetwork(StepPlan plan, Machine machine, Network network, Random jitter, double maxJitterSeconds) {
        this.machine = machine;
        this.network = network;
        this.costs = new FrameCosts(plan, machine);
        this.jitter = jitter;
        this.maxJitterSeconds = maxJitterSeconds;
    }

    Machine machine() {
        return machine;
    }

    FrameCosts costs() {
        return costs;
    }

    double nowSeconds() {
        return nowSeconds;
    }

    /** Seconds that so many bytes occupy a network interface for. */
    double transferSeconds(int bytes) {
        return bytes / network.bandwidthBytesPerSecond();
    }

    /** Latency of the next frame. */
    double latencySeconds() {
        double extra = jitter == null ? 0 : jitter.nextDouble() * maxJitterSeconds;
        return network.latencySeconds() + extra;
    }

    /** Plans an event, not in the past. */
    void at(double seconds, Runnable what) {
        events.add(new Event(Math.max(seconds, nowSeconds), planned++, what));
    }

    /** When the next event happens; infinity if nothing is planned. */
    double nextSeconds() {
        return events.isEmpty() ? Double.POSITIVE_INFINITY : events.peek().seconds;
    }

    /** Lets the next event happen. */
    void step() {
        Event event = events.remove();
        nowSeconds = event.seconds;
        event.what.run();
    }

    /** Lets time pass in which nothing happens. */
    void waitUntil(double seconds) {
        nowSeconds = Math.max(nowSeconds, seconds);
    }

    /** A frame was not what it should be. */
    void malformed(String what) {
        malformed.add(what);
    }

    /** Frames that were not what they should be. */
    List<String> malformed() {
        return malformed;
    }
}
