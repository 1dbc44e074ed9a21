package dev.lockstep.step;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The members' seats at the coordinator: the link to each, what it works on, and what waits until it is idle. Hands orders
 * out, directly or by the tree. Guarded by the coordinator's monitor.
 */
final class Seats {
    private static final Logger LOG = LoggerFactory.getLogger(Seats.class);

    /** A member's seat. */
    static final class Seat {
        final String name;
        final Route.Address address; // null if others cannot reach it
        final Coordinator.Link link;
        boolean isAskedToHandIn;
        int owed; // shards of the order that it works on
        boolean passesOn; // that order has workers below
        int steps; // in which it delivered
        long straggledNanos; // in which all others waited for it, lately
        long gradients; // that it delivered its part of
        long answerNanos; // from the beginning of each of these steps to its delivery
        long aloneNanos; // in which all others had delivered
        boolean isNamedStraggler;
        String straggling; // for people, once it is named
        private boolean idle;
        private boolean isDirect; // never by way of others
        private Route pending;

        Seat(String name, Route.Address address, Coordinator.Link link) {
            this.name = name;
            this.address = address;
            this.link = link;
        }
    }

    private final Membership membership;
    private final int fanIn;
    /** Who has left, of whom a few are told of. */
    private static final int MAX_GONE = 256;

    private final TreeMap<Integer, Seat> seats = new TreeMap<>();
    private final List<GradientSource.WorkerTimes> gone =
            new ArrayList<>(); // seats would keep the buffers of their links
    private final List<Seat> missed = new ArrayList<>(); // whose parts did not come by way of others in this round
    private boolean hasLost; // in this round
    private Coordinator.Round round;
    private List<Membership.Order> routedOrders;
    private List<Route> routes;

    /** @param fanIn members that are reached directly, at most, and those below each of them; 0 for all directly */
    Seats(Membership membership, int fanIn) {
        this.membership = membership;
        this.fanIn = fanIn;
    }

    void add(int member, Seat seat) {
        seats.put(member, seat);
    }

    /** A member's seat; null if it has none. */
    Seat get(int member) {
        return seats.get(member);
    }

    /** Takes a member's seat away; returns null if it had none. */
    Seat remove(int member) {
        Seat seat = seats.remove(member);
        if (seat != null && gone.size() < MAX_GONE) {
            gone.add(timesOf(seat));
        }
        return seat;
    }

    /** The times of those who left and of those who are there. */
    List<GradientSource.WorkerTimes> times() {
        return Stream.concat(gone.stream(), seats.values().stream().map(Seats::timesOf))
                .toList();
    }

    private static GradientSource.WorkerTimes timesOf(Seat seat) {
        return new GradientSource.WorkerTimes(seat.name, seat.gradients, seat.answerNanos / 1e9, seat.aloneNanos / 1e9);
    }

    boolean isEmpty() {
        return seats.isEmpty();
    }

    int size() {
        return seats.size();
    }

    Set<Integer> members() {
        return seats.keySet();
    }

    Collection<Seat> all() {
        return seats.values();
    }

    /** Takes all seats away. */
    List<Seat> clear() {
        List<Seat> all = List.copyOf(seats.values());
        seats.clear();
        return all;
    }

    String nameOf(int member) {
        Seat seat = seats.get(member);
        return seat == null ? "nobody" : seat.name;
    }

    /** Hands out the orders of a new round; what was left of the one before is not wanted any more. */
    void begin(Coordinator.Round next, List<Membership.Order> orders) {
        round = next;
        if (!hasLost && !missed.isEmpty()) { // nobody else is to blame: others do not reach them
            missed.forEach(seat -> seat.isDirect = true);
            routedOrders = null;
        }
        hasLost = false;
        missed.clear();
        for (Seat seat : seats.values()) {
            seat.pending = null;
            seat.isAskedToHandIn = false;
            seat.owed = 0;
        }
        if (fanIn == 0 || next.weights() == null) {
            hand(orders);
        } else {
            handByTree(orders);
        }
    }

    private void handByTree(List<Membership.Order> orders) {
        if (orders != routedOrders) {
            List<Route> leaves = new ArrayList<>();
            routes = new ArrayList<>();
            for (Membership.Order order : orders) {
                Seat seat = seats.get(order.member());
                boolean isLeaf = seat.address != null && !seat.isDirect;
                (isLeaf ? leaves : routes).add(new Route(order.member(), seat.address, order.nodes(), List.of()));
            }
            routes.addAll(Route.tree(leaves, fanIn));
            routedOrders = orders;
        }
        for (Route route : routes) {
            carry(route.below(), route.member());
            hand(route);
        }
    }

    private void carry(List<Route> below, int carrier) {
        for (Route route : below) {
            membership.carry(route.nodes(), carrier);
            seats.get(route.member()).link.carried();
            carry(route.below(), carrier);
        }
    }

    /** Hands out more orders of the round, directly. */
    void hand(List<Membership.Order> orders) {
        for (int i = 0; i < orders.size(); i++) {
            Membership.Order order = orders.get(i);
            hand(Route.direct(order.member(), order.nodes()));
        }
    }

    /** Hands out what a member has left behind. */
    void handAfterLoss(List<Membership.Order> orders) {
        hasLost = true;
        hand(orders);
    }

    /** What has not come by way of a member is ordered directly. */
    void handAgain(int carrier) {
        seats.get(carrier).pending = null; // it is part of that
        List<Membership.Order> orders = membership.again(carrier);
        for (Membership.Order order : orders) {
            Seat seat = seats.get(order.member());
            LOG.warn("parts of worker {} are ordered anew: they did not come by way of {}", seat.name, nameOf(carrier));
            if (order.member() != carrier) {
                missed.add(seat);
            }
        }
        hand(orders);
    }

    private void hand(Route route) {
        Seat seat = seats.get(route.member());
        if (seat.idle) {
            seat.idle = false;
            seat.owed = route.shards();
            seat.passesOn = !route.below().isEmpty();
            seat.link.order(round, route);
        } else {
            seat.pending = seat.pending == null ? route : seat.pending.plus(route);
        }
    }

    /** A member waits for orders; it gets what has waited for it. */
    void idle(Seat seat) {
        seat.idle = true;
        if (seat.pending != null) {
            Route route = seat.pending;
            seat.pending = null;
            hand(route);
        }
    }
}
