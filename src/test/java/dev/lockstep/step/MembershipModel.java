package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.step.Membership.Order;
import dev.lockstep.step.Membership.Verdict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What anybody who saw all orders and parts of a {@link Membership} must think of it. Every event goes to the membership
 * and to this model; what the two say of it is compared, and what must always hold is checked.
 */
final class MembershipModel {
    private static final int NOBODY = -1;

    final int shards;
    final Membership membership;
    final TreeMap<Integer, Set<Node>> ready = new TreeMap<>(); // what each ready member still has to deliver
    final TreeSet<Integer> joining = new TreeSet<>();
    final Map<Integer, Set<Node>> gone = new HashMap<>(); // what members that left still had to deliver
    final Set<Node> accepted = new HashSet<>();
    long round = -1;
    private final String what;
    private final BitSet covered = new BitSet();
    private final Map<Integer, BitSet> shares = new HashMap<>();
    private int[] ownersAtBegin;
    private Set<Integer> readyAtBegin = Set.of();
    private int changesSinceBegin; // of the set of ready members
    private int changes;
    private final Map<Integer, Integer> changesAtJoin = new HashMap<>();
    private boolean joinedIntoChange; // the latest to join counts on a round to begin before it is ready
    private int newcomer = NOBODY; // who became ready by the latest change, after none since it was told its share
    private int nextNumber;

    MembershipModel(int shards, String what) {
        this.shards = shards;
        this.membership = new Membership(shards);
        this.what = what;
    }

    int join() {
        int number = nextNumber++;
        membership.join(number);
        joining.add(number);
        BitSet share = membership.share(number);
        int members = membership.size();
        assertThat(share.cardinality())
                .as("%s: share of %d", what, number)
                .isBetween(shards / members, shards / members + 1);
        if (joining.size() == 1) {
            shares.put(number, share);
            changesAtJoin.put(number, changes);
            joinedIntoChange = changesSinceBegin > 0;
        }
        check();
        return number;
    }

    void ready(int member) {
        List<Order> orders = membership.ready(member);
        if (joining.remove(member)) {
            newcomer = changes == changesAtJoin.getOrDefault(member, NOBODY) && !joinedIntoChange ? member : NOBODY;
            changed();
            ready.put(member, new HashSet<>());
        }
        take(orders);
        check();
    }

    void leave(int member) {
        boolean wasReady = ready.containsKey(member);
        if (wasReady) {
            gone.put(member, ready.remove(member));
            newcomer = NOBODY;
            changed();
        }
        boolean isKnown = wasReady || joining.remove(member);
        List<Order> orders = membership.leave(member);
        assertThat(isKnown || orders.isEmpty())
                .as("%s: %d is unknown", what, member)
                .isTrue();
        take(orders);
        check();
    }

    private void changed() {
        changes++;
        changesSinceBegin++;
    }

    void begin(long newRound) {
        round = newRound;
        accepted.clear();
        covered.clear();
        gone.clear();
        ready.values().forEach(Set::clear);
        List<Order> orders = membership.begin(newRound);
        take(orders);
        int[] owners = owners(orders);
        checkSpread(owners);
        if (changesSinceBegin <= 1 && !readyAtBegin.isEmpty() && !ready.isEmpty()) {
            checkMoves(owners);
        }
        if (newcomer != NOBODY) {
            assertThat(shardsOf(owners, newcomer))
                    .as("%s: what %d was told to load first", what, newcomer)
                    .isEqualTo(shares.get(newcomer));
            newcomer = NOBODY;
        }
        ownersAtBegin = owners;
        readyAtBegin = Set.copyOf(ready.keySet());
        changesSinceBegin = 0;
        joinedIntoChange = false;
        check();
    }

    Verdict part(int member, long ofRound, Node node) {
        Verdict expected;
        if (ofRound != round) {
            expected = Verdict.STALE;
        } else if (isCovered(node)) {
            expected = Verdict.DUPLICATE;
        } else if (ready.getOrDefault(member, Set.of()).contains(node) || isSum(member, node)) {
            expected = Verdict.ACCEPTED;
        } else {
            expected = Verdict.NOT_ORDERED;
        }
        assertThat(membership.part(member, ofRound, node))
                .as("%s: %s of round %d from %d in round %d", what, node, ofRound, member, round)
                .isEqualTo(expected);
        if (expected == Verdict.ACCEPTED) {
            BitSet shardsOfNode = shardsOf(node);
            assertThat(covered.intersects(shardsOfNode))
                    .as("%s: %s counted twice", what, node)
                    .isFalse();
            covered.or(shardsOfNode);
            accepted.add(node);
            ready.get(member).removeIf(part -> part.low() >= node.low() && part.high() <= node.high());
        }
        check();
        return expected;
    }

    /** Whether a node of the tree is made up of several that this member still has to deliver. */
    private boolean isSum(int member, Node node) {
        BitSet parts = new BitSet();
        ready.getOrDefault(member, Set.of()).stream()
                .filter(part -> part.low() >= node.low() && part.high() <= node.high())
                .forEach(part -> parts.set(part.low(), part.high()));
        return parts.equals(shardsOf(node))
                && ReductionTree.nodes(shards, shardsOf(node)).equals(List.of(node));
    }

    private boolean isCovered(Node node) {
        return covered.nextClearBit(node.low()) >= node.high();
    }

    boolean isWhole() {
        return covered.cardinality() == shards;
    }

    /** Orders go to ready members, for what nobody has delivered or been ordered to. */
    private void take(List<Order> orders) {
        for (Order order : orders) {
            assertThat(ready)
                    .as("%s: members that may be ordered %s", what, order)
                    .containsKey(order.member());
            BitSet busy = wanted();
            busy.or(covered);
            for (Node node : order.nodes()) {
                assertThat(busy.intersects(shardsOf(node)))
                        .as("%s: %s in %s again", what, node, order)
                        .isFalse();
                busy.or(shardsOf(node));
                ready.get(order.member()).add(node);
            }
        }
    }

    private BitSet wanted() {
        BitSet wanted = new BitSet();
        ready.values().forEach(nodes -> nodes.forEach(node -> wanted.or(shardsOf(node))));
        return wanted;
    }

    private void check() {
        assertThat(membership.size()).as("%s: members", what).isEqualTo(ready.size() + joining.size());
        assertThat(membership.readyCount()).as("%s: ready members", what).isEqualTo(ready.size());
        if (round < 0) {
            return;
        }
        assertThat(membership.isComplete()).as("%s: whole", what).isEqualTo(isWhole());
        Map<Node, Integer> missing = new HashMap<>();
        ready.forEach((member, nodes) -> nodes.forEach(node -> missing.put(node, member)));
        assertThat(membership.missing()).as("%s: missing", what).isEqualTo(missing);
        if (!ready.isEmpty()) {
            BitSet waitedFor = wanted();
            waitedFor.or(covered);
            assertThat(waitedFor.cardinality())
                    .as("%s: shards delivered or ordered", what)
                    .isEqualTo(shards);
        }
    }

    private void checkSpread(int[] owners) {
        for (int member : ready.keySet()) {
            assertThat(shardsOf(owners, member).cardinality())
                    .as("%s: shards of %d of %d members, %s", what, member, ready.size(), Arrays.toString(owners))
                    .isBetween(shards / ready.size(), (shards + ready.size() - 1) / ready.size());
        }
    }

    /** One member came, one went, or nothing happened: a newcomer takes its share, a leaver's shards go to others. */
    private void checkMoves(int[] owners) {
        int moved = 0;
        for (int s = 0; s < shards; s++) {
            moved += owners[s] == ownersAtBegin[s] ? 0 : 1;
        }
        int expected = 0;
        if (ready.size() > readyAtBegin.size()) {
            expected = shards / ready.size();
        }
        for (int before : readyAtBegin) {
            expected += ready.containsKey(before)
                    ? 0
                    : shardsOf(ownersAtBegin, before).cardinality();
        }
        assertThat(moved)
                .as("%s: shards moved from %s to %s", what, Arrays.toString(ownersAtBegin), Arrays.toString(owners))
                .isEqualTo(expected);
    }

    private int[] owners(List<Order> orders) {
        int[] owners = new int[shards];
        Arrays.fill(owners, NOBODY);
        for (Order order : orders) {
            order.nodes().forEach(node -> Arrays.fill(owners, node.low(), node.high(), order.member()));
        }
        return owners;
    }

    private static BitSet shardsOf(Node node) {
        BitSet of = new BitSet();
        of.set(node.low(), node.high());
        return of;
    }

    private static BitSet shardsOf(int[] owners, int member) {
        BitSet of = new BitSet();
        for (int s = 0; s < owners.length; s++) {
            of.set(s, owners[s] == member);
        }
        return of;
    }

    /** A number that a member has, had, or will have. */
    int anyNumber(Random random) {
        return random.nextInt(nextNumber + 2);
    }

    /** All that members were ordered and have not delivered, with those that have left meanwhile. */
    List<Map.Entry<Integer, Node>> outstanding(boolean ofTheGone) {
        List<Map.Entry<Integer, Node>> list = new ArrayList<>();
        (ofTheGone ? gone : ready)
                .forEach((member, nodes) -> nodes.stream()
                        .sorted(java.util.Comparator.comparingInt(Node::low))
                        .forEach(node -> list.add(Map.entry(member, node))));
        return list;
    }
}
