package dev.lockstep.step;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Who computes what: the members of a run, the shards that each owns, and what is still missing of the round under way.
 * It knows no sockets, no Spark and no clock: events come in as calls, orders go out as results.
 *
 * <p>A round needs every shard once. {@link #begin} spreads the shards over the members that are ready and orders from each
 * the nodes of the reduction tree that its shards make up. When a member leaves, its shards go to others, who are ordered
 * to compute what of it is missing in this round; what it had delivered stays. When a member comes, it first loads its
 * share ({@link #share}) while the others go on, and is given it by the next round ({@link #ready}). Shards that nobody
 * can own, because no member is ready, wait for the next one that is.
 *
 * <p>Parts may come by way of another member, who passed the order on ({@link #carry}) and adds up what belongs together:
 * then one part stands for several that were ordered. When the way is lost, what was to come over it is ordered anew, from the
 * same members ({@link #again}).
 *
 * <p>Moving few shards leaves members with shards here and there, each of which is a part of its own. When the members have
 * stayed the same for {@value #SETTLE_ROUNDS} rounds, the shards are therefore spread once more, as runs of neighbours.
 *
 * <p>Members have numbers that are never used again. Not thread-safe: the caller holds a lock around every call.
 */
final class Membership {
    /** What is thought of a part that arrives. */
    enum Verdict {
        /** It was ordered from this member in this round and had not come yet. */
        ACCEPTED,
        /** It belongs to another round. */
        STALE,
        /** All its shards have been accepted already. */
        DUPLICATE,
        /** It was not ordered from this member. */
        NOT_ORDERED
    }

    /**
     * What a member is to compute in the round under way.
     *
     * @param nodes of the reduction tree; each comes back as one part
     */
    record Order(int member, List<Node> nodes) {}

    /** Rounds without a change after which members are thought to stay; a fraction of a second for small networks. */
    static final int SETTLE_ROUNDS = 500;

    private static final int NOBODY = -1;

    private final int shards;
    private final int[] owner;
    private final TreeMap<Integer, Boolean> members = new TreeMap<>(); // number to whether it is ready
    private final Map<Node, Integer> ordered = new HashMap<>();
    private final Map<Node, Integer> carriers = new HashMap<>(); // of those ordered that come by way of another member
    private final BitSet delivered = new BitSet(); // shards
    private final BitSet uncovered = new BitSet(); // shards of this round that nobody is ordered to compute
    private long round = -1;
    private boolean changed;
    private int quietRounds;
    private List<Order> standing; // orders of a whole round, as long as owners stay the same

    /** @param shards logical shards of the run */
    Membership(int shards) {
        this.shards = shards;
        this.owner = new int[shards];
        Arrays.fill(owner, NOBODY);
    }

    /** A member comes. It owns nothing until it is {@link #ready}. */
    void join(int member) {
        if (members.putIfAbsent(member, false) != null) {
            throw new IllegalArgumentException("member " + member + " has joined already");
        }
    }

    /**
     * The shards that a member, which has joined, will own if all that have joined become ready and nothing else happens:
     * what it had better load first. Loading takes longer than a round, so the next round is thought to begin before.
     */
    BitSet share(int member) {
        int[] planned = owner.clone();
        if (changed) {
            spread(planned, readyOf(members));
        }
        spread(planned, List.copyOf(members.keySet()));
        return shardsOf(planned, member);
    }

    /** A member has loaded its share. Returns orders for what was waiting for somebody to come. */
    List<Order> ready(int member) {
        if (members.replace(member, true) == null) {
            throw new IllegalArgumentException("member " + member + " has not joined");
        }
        changed = true;
        return cover();
    }

    /** A member is gone; unknown members are ignored. Returns orders for what is missing of it in this round. */
    List<Order> leave(int member) {
        if (members.remove(member) == null) {
            return List.of();
        }
        changed = true;
        for (int s = 0; s < shards; s++) {
            owner[s] = owner[s] == member ? NOBODY : owner[s];
        }
        standing = null;
        ordered.entrySet().removeIf(entry -> {
            if (entry.getValue() != member) {
                return false;
            }
            uncovered.set(entry.getKey().low(), entry.getKey().high());
            carriers.remove(entry.getKey());
            return true;
        });
        withdraw(member);
        return cover();
    }

    /** In the round under way these nodes, which have been ordered from others, come by way of {@code carrier}. */
    void carry(List<Node> nodes, int carrier) {
        for (int i = 0; i < nodes.size(); i++) {
            carriers.put(nodes.get(i), carrier);
        }
    }

    /** What was to come by way of a member, its own included, does not come that way: it is ordered anew, from its owners. */
    List<Order> again(int carrier) {
        withdraw(carrier);
        return cover();
    }

    private void withdraw(int carrier) {
        ordered.entrySet().removeIf(entry -> {
            if (wayOf(entry.getKey(), entry.getValue()) != carrier) {
                return false;
            }
            uncovered.set(entry.getKey().low(), entry.getKey().high());
            carriers.remove(entry.getKey());
            return true;
        });
    }

    private int wayOf(Node node, int member) {
        return carriers.isEmpty() ? member : carriers.getOrDefault(node, member);
    }

    /** Whether a member still has to deliver parts of its own, and to deliver them itself. */
    boolean owes(int member) {
        for (Map.Entry<Node, Integer> entry : ordered.entrySet()) {
            if (entry.getValue() == member && wayOf(entry.getKey(), member) == member) {
                return true;
            }
        }
        return false;
    }

    /**
     * Begins a round, whatever was missing of the one before; returns an order for each member that owns shards: the same
     * list as before, as long as nothing has changed.
     */
    List<Order> begin(long newRound) {
        round = newRound;
        ordered.clear();
        carriers.clear();
        delivered.clear();
        uncovered.set(0, shards);
        if (changed) {
            changed = false;
            quietRounds = 0;
            spread(owner, readyOf(members));
            standing = null;
        } else if (++quietRounds == SETTLE_ROUNDS) {
            settle();
        }
        if (standing == null) {
            List<Order> orders = cover();
            standing = uncovered.isEmpty() ? orders : null;
            return orders;
        }
        uncovered.clear();
        for (int i = 0; i < standing.size(); i++) {
            Order order = standing.get(i);
            for (int n = 0; n < order.nodes().size(); n++) {
                ordered.put(order.nodes().get(n), order.member());
            }
        }
        return standing;
    }

    /** Spreads the shards as runs of neighbours, in the order in which members own them now, if that makes fewer nodes. */
    private void settle() {
        List<Integer> byPlace = new ArrayList<>();
        for (int who : owner) {
            if (who != NOBODY && !byPlace.contains(who)) {
                byPlace.add(who);
            }
        }
        if (byPlace.isEmpty()) {
            return;
        }
        int[] runs = new int[shards];
        for (int s = 0; s < shards; s++) {
            runs[s] = byPlace.get((int) ((long) s * byPlace.size() / shards));
        }
        if (nodeCount(runs, byPlace) < nodeCount(owner, byPlace)) {
            System.arraycopy(runs, 0, owner, 0, shards);
            standing = null;
        }
    }

    private int nodeCount(int[] owners, List<Integer> who) {
        int count = 0;
        for (int member : who) {
            count += ReductionTree.nodes(shards, shardsOf(owners, member)).size();
        }
        return count;
    }

    /**
     * A part arrives. Only an accepted one may be used.
     *
     * @param member who brings it: it was ordered from this member, or is the sum of what was ordered from it and from
     *     others whose parts it carries
     */
    Verdict part(int member, long ofRound, Node node) {
        if (ofRound != round) {
            return Verdict.STALE;
        }
        if (delivered.nextClearBit(node.low()) >= node.high()) {
            return Verdict.DUPLICATE;
        }
        Integer from = ordered.get(node);
        if (from != null ? wayOf(node, from) != member : !isSum(member, node)) {
            return Verdict.NOT_ORDERED;
        }
        if (from != null) {
            ordered.remove(node);
        } else {
            ordered.keySet().removeIf(part -> part.low() >= node.low() && part.high() <= node.high());
        }
        delivered.set(node.low(), node.high());
        return Verdict.ACCEPTED;
    }

    /** Whether a node is exactly what was ordered in several nodes, all of which come by way of this member. */
    private boolean isSum(int member, Node node) {
        if (!ReductionTree.isNode(shards, node)) {
            return false;
        }
        int covered = 0;
        for (Map.Entry<Node, Integer> entry : ordered.entrySet()) {
            Node part = entry.getKey();
            if (part.high() <= node.low() || part.low() >= node.high()) {
                continue;
            }
            if (part.low() < node.low() || part.high() > node.high() || wayOf(part, entry.getValue()) != member) {
                return false;
            }
            covered += part.high() - part.low();
        }
        return covered == node.high() - node.low();
    }

    /** Whether every shard's part of this round has come. */
    boolean isComplete() {
        return ordered.isEmpty() && uncovered.isEmpty();
    }

    /** Nodes that this round waits for, and who computes them. */
    Map<Node, Integer> missing() {
        return Map.copyOf(ordered);
    }

    /** By way of whom a node that is missing comes: who computes it if nobody else carries it. */
    int wayOf(Node node) {
        return wayOf(node, ordered.get(node));
    }

    /** Number of members, ready or not. */
    int size() {
        return members.size();
    }

    /** Members that are ready. */
    int readyCount() {
        return readyOf(members).size();
    }

    /** Orders the uncovered shards from their owners, giving those without an owner to somebody. */
    private List<Order> cover() {
        List<Integer> ready = readyOf(members);
        if (uncovered.isEmpty() || ready.isEmpty()) {
            return List.of();
        }
        if (adopt(owner, ready)) {
            standing = null;
        }
        List<Order> orders = new ArrayList<>();
        for (int member : ready) {
            BitSet wanted = shardsOf(owner, member);
            wanted.and(uncovered);
            List<Node> nodes = ReductionTree.nodes(shards, wanted);
            if (!nodes.isEmpty()) {
                nodes.forEach(node -> ordered.put(node, member));
                orders.add(new Order(member, nodes));
            }
        }
        uncovered.clear();
        return orders;
    }

    /** Spreads all shards evenly, moving as few as can be. */
    private static void spread(int[] owner, List<Integer> ready) {
        if (ready.isEmpty()) {
            return;
        }
        Map<Integer, Integer> quota = quotas(owner, ready);
        for (int s = 0; s < owner.length; s++) {
            int rest = quota.getOrDefault(owner[s], 0);
            if (rest > 0) {
                quota.put(owner[s], rest - 1);
            } else {
                owner[s] = NOBODY;
            }
        }
        adopt(owner, ready);
    }

    /** Gives shards without an owner to the members that own least, in order, so that neighbours stay together; returns whether there were any. */
    private static boolean adopt(int[] owner, List<Integer> ready) {
        Map<Integer, Integer> quota = quotas(owner, ready);
        for (int who : owner) {
            quota.computeIfPresent(who, (member, rest) -> rest - 1);
        }
        int next = 0;
        boolean adopted = false;
        for (int s = 0; s < owner.length; s++) {
            if (owner[s] == NOBODY) {
                adopted = true;
                while (next < ready.size() - 1 && quota.get(ready.get(next)) <= 0) {
                    next++;
                }
                owner[s] = ready.get(next);
                quota.merge(ready.get(next), -1, Integer::sum);
            }
        }
        return adopted;
    }

    /** How many shards each member should own: as even as can be, those that own most one more, so that fewest move. */
    private static Map<Integer, Integer> quotas(int[] owner, List<Integer> ready) {
        Map<Integer, Integer> owned = new HashMap<>();
        for (int who : owner) {
            owned.merge(who, 1, Integer::sum);
        }
        List<Integer> byOwned = new ArrayList<>(ready);
        byOwned.sort(Comparator.comparing(member -> -owned.getOrDefault(member, 0))); // stable: then by number
        Map<Integer, Integer> quota = new HashMap<>();
        for (int i = 0; i < byOwned.size(); i++) {
            quota.put(byOwned.get(i), owner.length / ready.size() + (i < owner.length % ready.size() ? 1 : 0));
        }
        return quota;
    }

    private static List<Integer> readyOf(TreeMap<Integer, Boolean> members) {
        List<Integer> ready = new ArrayList<>();
        members.forEach((member, isReady) -> {
            if (isReady) {
                ready.add(member);
            }
        });
        return ready;
    }

    private static BitSet shardsOf(int[] owner, int member) {
        BitSet shards = new BitSet(owner.length);
        for (int s = 0; s < owner.length; s++) {
            shards.set(s, owner[s] == member);
        }
        return shards;
    }
}
