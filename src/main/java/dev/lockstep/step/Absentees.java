package dev.lockstep.step;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Whom a round waits for, and whom in vain. What is missing of a member may be carried by another, who waits for it in turn and
 * does not know better; so a carrier is asked to hand in what it has before it is blamed. Guarded by the coordinator's monitor.
 */
final class Absentees {
    private final Membership membership;
    private final Seats seats;

    Absentees(Membership membership, Seats seats) {
        this.membership = membership;
        this.seats = seats;
    }

    /** For people. */
    String text() {
        if (seats.isEmpty()) {
            return "no worker has come";
        }
        List<String> names = new ArrayList<>();
        membership.missing().forEach((node, member) -> {
            int way = membership.wayOf(node);
            names.add("shards " + node + " from " + seats.nameOf(member)
                    + (way == member ? "" : " by way of " + seats.nameOf(way)));
        });
        return names.isEmpty() ? "workers that load their shards" : String.join(", ", names);
    }

    /**
     * Members by way of whom something is missing. Those who carry parts of others, and those others, who may carry further
     * ones, are asked to hand in, and are not among them yet.
     */
    Set<Integer> inVain() {
        Set<Integer> ways = new TreeSet<>();
        membership.missing().keySet().forEach(node -> ways.add(membership.wayOf(node)));
        ways.removeAll(askCarriersToHandIn());
        return ways;
    }

    /**
     * Members that the round waits for, or all who load their shards while nobody else is there, and who have been silent.
     *
     * @param watchedNanos how long somebody has been listening; nobody counts as silent for longer
     */
    Set<Integer> silent(long nowNanos, long watchedNanos, long timeoutNanos) {
        Map<Node, Integer> missing = membership.missing();
        Set<Integer> waitedFor = new TreeSet<>();
        missing.forEach((node, member) -> {
            waitedFor.add(member);
            waitedFor.add(membership.wayOf(node));
        });
        if (missing.isEmpty()) {
            seats.members().forEach(waitedFor::add);
        }
        waitedFor.removeIf(member ->
                Math.min(watchedNanos, nowNanos - seats.get(member).link.heardNanos()) < timeoutNanos);
        return waitedFor;
    }

    /** Who waits for silent members and is none itself. */
    Set<Integer> carriersOf(Set<Integer> silent) {
        Set<Integer> carriers = new TreeSet<>();
        membership.missing().forEach((node, member) -> {
            if (silent.contains(member) && !silent.contains(membership.wayOf(node))) {
                carriers.add(membership.wayOf(node));
            }
        });
        return carriers;
    }

    /**
     * Who carries parts of others is asked to hand in what is there: perhaps it cannot reach them. Once a round each.
     *
     * @return who was asked now
     */
    Set<Integer> askCarriersToHandIn() {
        Set<Integer> carriers = new TreeSet<>();
        membership.missing().forEach((node, member) -> {
            int way = membership.wayOf(node);
            if (way != member && !seats.get(way).isAskedToHandIn) {
                carriers.add(way);
                carriers.add(member);
            }
        });
        carriers.forEach(this::askToHandIn);
        return carriers;
    }

    /** Asks a member, if it is still there. */
    void askToHandIn(int carrier) {
        Seats.Seat seat = seats.get(carrier);
        if (seat != null) {
            seat.isAskedToHandIn = true;
            seat.link.handIn();
        }
    }
}
