package dev.lockstep.step;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A worker's place in the tree over which a round's orders go out and its parts come back: what it is to compute itself,
 * and the workers below it, to whom it passes orders and weights on and whose parts it adds up with its own.
 *
 * @param member number that the driver gave
 * @param address where it can be reached by others
 * @param nodes of the reduction tree that it computes itself
 * @param below workers that are reached through it
 */
record Route(int member, Address address, List<Node> nodes, List<Route> below) {
    /** How many workers may be below each other; an order that goes deeper is malformed. */
    static final int MAX_DEPTH = 32;

    /**
     * Where a worker listens.
     *
     * @param host name or number
     * @param port of TCP
     */
    record Address(String host, int port) {}

    /** A worker that is reached directly and passes nothing on. */
    static Route direct(int member, List<Node> nodes) {
        return new Route(member, null, nodes, List.of());
    }

    /** This route with more to compute and more below. */
    Route plus(Route other) {
        List<Node> moreNodes = new ArrayList<>(nodes);
        moreNodes.addAll(other.nodes);
        moreNodes.sort(Comparator.comparingInt(Node::low));
        List<Route> moreBelow = new ArrayList<>(below);
        moreBelow.addAll(other.below);
        return new Route(member, address, moreNodes, moreBelow);
    }

    /** Shards of its own nodes and of all below. */
    int shards() {
        int count = 0;
        for (Node node : nodes) {
            count += node.high() - node.low();
        }
        for (Route route : below) {
            count += route.shards();
        }
        return count;
    }

    /**
     * Arranges leaves as a tree in which nobody has more than {@code fanIn} below. The leaves are sorted by their shards and
     * cut into blocks of neighbours, whose first passes on to the rest: so the parts that it adds up are neighbours in the
     * reduction tree too, and become few.
     *
     * @param leaves workers with their nodes, at least one each
     * @param fanIn at least 1; a chain that would be too long has 2
     * @return those that the root reaches directly, at most {@code fanIn}
     */
    static List<Route> tree(List<Route> leaves, int fanIn) {
        List<Route> sorted = new ArrayList<>(leaves);
        sorted.sort(Comparator.comparingInt(leaf -> leaf.nodes.get(0).low()));
        return heads(sorted, sorted.size() > MAX_DEPTH ? Math.max(2, fanIn) : fanIn);
    }

    /** The first of each block, with the rest of its block below it. */
    private static List<Route> heads(List<Route> leaves, int fanIn) {
        int blocks = Math.min(fanIn, leaves.size());
        List<Route> heads = new ArrayList<>(blocks);
        for (int i = 0; i < blocks; i++) {
            List<Route> block = leaves.subList(bound(i, leaves.size(), blocks), bound(i + 1, leaves.size(), blocks));
            heads.add(block.get(0).above(heads(block.subList(1, block.size()), fanIn)));
        }
        return heads;
    }

    /** Where block {@code i} begins if {@code size} leaves are cut evenly. */
    private static int bound(int i, int size, int blocks) {
        return (int) ((long) i * size / blocks);
    }

    private Route above(List<Route> others) {
        return new Route(member, address, nodes, others);
    }
}
