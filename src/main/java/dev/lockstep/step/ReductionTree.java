package dev.lockstep.step;

import dev.lockstep.kernel.Kernels;
import dev.lockstep.kernel.SegmentTree;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

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

    /** The fewest nodes that together are the shards from {@code low} to {@code high} - 1, from left to right. */
    public List<SegmentTree> nodes(int low, int high) {
        BitSet owned = new BitSet(shards);
        owned.set(low, high);
        return nodes(shards, owned).stream()
                .map(node -> new SegmentTree(node.low(), node.high()))
                .toList();
    }

    /** The fewest nodes that together are the given shards, from left to right. */
    static List<Node> nodes(int shards, BitSet owned) {
        List<Node> nodes = new ArrayList<>();
        collect(0, shards, owned, nodes);
        return nodes;
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
        List<GradientPart> rest = new ArrayList<>(parts);
        GradientPart root = reduce(0, shards, rest);
        if (!rest.isEmpty()) {
            throw new IllegalArgumentException("shards [" + rest.get(0).low() + ", "
                    + rest.get(0).high() + ") of " + shards + " came twice or are no node of the tree");
        }
        return root;
    }

    private GradientPart reduce(int low, int high, List<GradientPart> rest) {
        for (GradientPart part : rest) {
            if (part.low() == low && part.high() == high) {
                rest.remove(part);
                return part;
            }
        }
        if (high - low == 1) {
            throw new IllegalArgumentException("no gradient came from shard " + low + " of " + shards);
        }
        int mid = SegmentTree.middle(low, high);
        GradientPart left = reduce(low, mid, rest);
        GradientPart right = reduce(mid, high, rest);
        if (left.rows() == 0 || right.rows() == 0) {
            return left.rows() == 0 ? right : left;
        }
        kernels.add(right.values().all(), left.values().all());
        left.set(left.rows() + right.rows(), left.lossSum() + right.lossSum());
        return left;
    }
}
