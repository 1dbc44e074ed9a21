package dev.lockstep.step;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
 * <p>Members have numbers that are never used again. Not thread-safe: the caller holds a lock around every call.
 */
final class Membership {
    /** What is thought of a part that arrives. */
    enum Verdict {
        /** It was ordered from this member in this round and had not come yet. */
        ACCEPTED,
        /** It belongs to another round. */
        STALE,
        /** It has been accepted already. */
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

    private static final int NOBODY = -1;

    private final int shards;
    private final int[] owner;
    private final TreeMap<Integer, Boolean> members = new TreeMap<>(); // number to whether it is ready
    private final Map<Node, Integer> ordered = new HashMap<>();
    private final Set<Node> delivered = new HashSet<>();
    private final BitSet uncovered = new BitSet(); // shards of this round that nobody is ordered to compute
    private long round = -1;
    private boolean changed;

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
        ordered.entrySet().removeIf(entry -> {
            if (entry.getValue() != member) {
                return false;
            }
            uncovered.set(entry.getKey().low(), entry.getKey().high());
            return true;
        });
        return cover();
    }

    /** Begins a round, whatever was missing of the one before; returns an order for each member that owns shards. */
    List<Order> begin(long newRound) {
        round = newRound;
        ordered.clear();
        delivered.clear();
        uncovered.set(0, shards);
        if (changed) {
            changed = false;
            spread(owner, readyOf(members));
        }
        return cover();
    }

    /** A part arrives. Only an accepted one may be used. */
    Verdict part(int member, long ofRound, Node node) {
        if (ofRound != round) {
            return Verdict.STALE;
        }
        if (delivered.contains(node)) {
            return Verdict.DUPLICATE;
        }
        if (!Integer.valueOf(member).equals(ordered.get(node))) {
            return Verdict.NOT_ORDERED;
        }
        ordered.remove(node);
        delivered.add(node);
        return Verdict.ACCEPTED;
    }

    /** Whether every shard's part of this round has come. */
    boolean isComplete() {
        return ordered.isEmpty() && uncovered.isEmpty();
    }

    /** Nodes that this round waits for, and from whom. */
    Map<Node, Integer> missing() {
        return Map.copyOf(ordered);
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
        adopt(owner, ready);
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

    /** Gives shards without an owner to the members that own least, in order, so that neighbours stay together. */
    private static void adopt(int[] owner, List<Integer> ready) {
        Map<Integer, Integer> quota = quotas(owner, ready);
        for (int who : owner) {
            quota.computeIfPresent(who, (member, rest) -> rest - 1);
        }
        int next = 0;
        for (int s = 0; s < owner.length; s++) {
            if (owner[s] == NOBODY) {
                while (next < ready.size() - 1 && quota.get(ready.get(next)) <= 0) {
                    next++;
                }
                owner[s] = ready.get(next);
                quota.merge(ready.get(next), -1, Integer::sum);
            }
        }
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
