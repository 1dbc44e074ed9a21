package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.SegmentTree;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The fixed binary tree over the logical shards along which gradients are added up. Its nodes are ranges [low, high); a
 * node of several shards is the sum of its children, which {@link SegmentTree#middle} separates. Whoever owns all shards
 * of a node computes the node; the rest of the tree is added here. So the sum does not depend on who owns what.
 */
public final class ReductionTree {
    private final int shards;
    private final Kernels kernels;

    /** @param shards logical shards of the run */
    public ReductionTree(int shards, Kernels kernels) {
        this.shards = shards;
        this.kernels = kernels;
    }

    /** The fewest nodes that together are the given shards, from left to right. */
    static List<Node> nodes(int shards, BitSet owned) {
        List<Node> nodes = new ArrayList<>();
        collect(0, shards, owned, nodes);
        return nodes;
    }

    /** How many nodes a run of neighbouring shards can be, at most: at each level below the first two, one at either end. */
    static int mostNodesOfNeighbours(int shards) {
        int levels = Integer.SIZE - Integer.numberOfLeadingZeros(shards - 1);
        return Math.max(1, 2 * levels - 2);
    }

    /** Whether a range of shards is a node. */
    static boolean isNode(int shards, Node range) {
        int low = 0;
        int high = shards;
        while (low <= range.low() && range.high() <= high) {
            if (low == range.low() && high == range.high()) {
                return true;
            }
            if (high - low == 1) {
                return false;
            }
            int mid = SegmentTree.middle(low, high);
            if (range.high() <= mid) {
                high = mid;
            } else {
                low = mid;
            }
        }
        return false;
    }

    private static void collect(int low, int high, BitSet owned, List<Node> nodes) {
        int next = owned.nextSetBit(low);
        if (next < 0 || next >= high) {
            return;
        }
        if (owned.nextClearBit(low) >= high) {
            nodes.add(new Node(low, high));
            return;
        }
        int mid = SegmentTree.middle(low, high);
        collect(low, mid, owned, nodes);
        collect(mid, high, owned, nodes);
    }

    /**
     * Adds parts up to the whole, in place.
     *
     * @param parts nodes that cover every shard once, in any order
     * @return the root: the first of the parts that has rows, with all others added
     * @throws IllegalArgumentException if a shard is missing or covered twice
     */
    public GradientPart reduce(List<GradientPart> parts) {
        Map<Node, GradientPart> byNode = new HashMap<>();
        int covered = 0;
        for (GradientPart part : parts) {
            byNode.put(new Node(part.low(), part.high()), part);
            covered += part.high() - part.low();
        }
        GradientPart root = reduce(new Node(0, shards), byNode);
        if (covered != shards) {
            throw new IllegalArgumentException(
                    "parts cover " + covered + " shards, expected each of " + shards + " once");
        }
        return root;
    }

    /**
     * Adds parts up to a node, in place.
     *
     * @param parts by node; those below {@code node} cover it
     * @return the first of the parts below the node that has rows, with all others added
     * @throws IllegalArgumentException if a shard is missing
     */
    GradientPart reduce(Node node, Map<Node, GradientPart> parts) {
        GradientPart whole = parts.get(node);
        if (whole != null) {
            return whole;
        }
        if (node.high() - node.low() == 1) {
            throw new IllegalArgumentException("no gradient came from shard " + node.low() + " of " + shards);
        }
        int mid = SegmentTree.middle(node.low(), node.high());
        GradientPart left = reduce(new Node(node.low(), mid), parts);
        GradientPart right = reduce(new Node(mid, node.high()), parts);
        if (left.rows() == 0 || right.rows() == 0) {
            return left.rows() == 0 ? right : left;
        }
        left.add(right, kernels);
        return left;
    }
}
