package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Kernels;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class ReductionTreeTest {
    private static final NetworkShape SHAPE = new NetworkShape(3, 2, 2);
    private static final long SEED = 1234;
    private static final int MAX_SHARDS = 17;

    private final Kernels kernels = KernelChoice.AUTO.kernels();

    /** What one shard contributes; without rows, its values are garbage. */
    private record Leaf(float[] values, int rows, double lossSum) {}

    private static List<Leaf> leaves(Random random, int shards) {
        List<Leaf> leaves = new ArrayList<>();
        int floats;
        try (Parameters size = new Parameters(SHAPE)) {
            floats = size.all().length();
        }
        for (int s = 0; s < shards; s++) {
            float[] values = new float[floats];
            for (int i = 0; i < floats; i++) {
                // Of all magnitudes, so that another order of additions gives other bits.
                values[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(8)));
            }
            int rows = random.nextInt(4);
            leaves.add(new Leaf(values, rows, rows == 0 ? 0 : random.nextDouble() * Math.pow(10, random.nextInt(8))));
        }
        return leaves;
    }

    /** The definition: the sum of a node is the sum of its halves, and a half without rows is left out. */
    private static Leaf sum(List<Leaf> leaves, int low, int high) {
        if (high - low == 1) {
            return leaves.get(low);
        }
        Leaf left = sum(leaves, low, (low + high) / 2);
        Leaf right = sum(leaves, (low + high) / 2, high);
        if (left.rows() == 0 || right.rows() == 0) {
            return left.rows() == 0 ? right : left;
        }
        float[] values = left.values().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] += right.values()[i];
        }
        return new Leaf(values, left.rows() + right.rows(), left.lossSum() + right.lossSum());
    }

    private static GradientPart part(List<Leaf> leaves, int low, int high) {
        Leaf sum = sum(leaves, low, high);
        GradientPart part = new GradientPart(low, high, new Parameters(SHAPE));
        for (int i = 0; i < sum.values().length; i++) {
            part.values().all().set(i, sum.values()[i]);
        }
        part.set(sum.rows(), sum.lossSum());
        return part;
    }

    private static void assertSame(String what, Leaf expected, GradientPart root) {
        assertThat(root.rows()).as(what).isEqualTo(expected.rows());
        assertThat(root.lossSum()).as(what).isEqualTo(expected.lossSum());
        for (int i = 0; i < expected.values().length && expected.rows() > 0; i++) {
            assertThat(Float.floatToRawIntBits(root.values().all().get(i)))
                    .as("%s, float %d", what, i)
                    .isEqualTo(Float.floatToRawIntBits(expected.values()[i]));
        }
    }

    @Test
    void nodesOfARangeCoverItExactlyAndAreNodesOfTheTree() {
        for (int shards = 1; shards <= MAX_SHARDS; shards++) {
            BitSet[] tree = new BitSet[shards];
            collectTree(tree, 0, shards);
            for (int low = 0; low <= shards; low++) {
                for (int high = low; high <= shards; high++) {
                    BitSet range = new BitSet();
                    range.set(low, high);
                    List<Node> nodes = ReductionTree.nodes(shards, range);
                    int end = low;
                    for (Node node : nodes) {
                        assertThat(node.low()).isEqualTo(end);
                        assertThat(tree[node.low()].get(node.high()))
                                .as("[%d, %d) is a node of %d shards", node.low(), node.high(), shards)
                                .isTrue();
                        end = node.high();
                    }
                    assertThat(end)
                            .as("end of [%d, %d) of %d", low, high, shards)
                            .isEqualTo(high);
                    assertFewest(nodes, tree);
                    assertThat(ReductionTree.isNode(shards, new Node(low, high)))
                            .as("[%d, %d) is a node of %d shards", low, high, shards)
                            .isEqualTo(low < high && tree[low].get(high));
                }
            }
        }
    }

    private static void collectTree(BitSet[] endsByStart, int low, int high) {
        if (endsByStart[low] == null) {
            endsByStart[low] = new BitSet();
        }
        endsByStart[low].set(high);
        if (high - low > 1) {
            collectTree(endsByStart, low, (low + high) / 2);
            collectTree(endsByStart, (low + high) / 2, high);
        }
    }

    /** No two neighbours together are a node: they would be sent as one. */
    private static void assertFewest(List<Node> nodes, BitSet[] tree) {
        for (int i = 0; i + 1 < nodes.size(); i++) {
            assertThat(tree[nodes.get(i).low()].get(nodes.get(i + 1).high()))
                    .as("%s and %s are one node", nodes.get(i), nodes.get(i + 1))
                    .isFalse();
        }
    }

    @Test
    void everyAssignmentOfShardsToOwnersGivesTheSameBits() {
        Random random = new Random(SEED);
        for (int shards = 1; shards <= MAX_SHARDS; shards++) {
            for (int round = 0; round < 60; round++) {
                List<Leaf> leaves = leaves(random, shards);
                boolean isContiguous = round % 2 == 0;
                List<GradientPart> parts = new ArrayList<>();
                for (BitSet owned : isContiguous ? ranges(random, shards) : scattered(random, shards)) {
                    ReductionTree.nodes(shards, owned)
                            .forEach(node -> parts.add(part(leaves, node.low(), node.high())));
                }
                Collections.shuffle(parts, random);
                String what = "seed " + SEED + ", " + shards + " shards, round " + round;
                assertSame(what, sum(leaves, 0, shards), new ReductionTree(shards, kernels).reduce(parts));
                parts.forEach(GradientPart::close);
            }
        }
    }

    private static List<BitSet> ranges(Random random, int shards) {
        List<BitSet> owners = new ArrayList<>();
        for (int low = 0; low < shards; ) {
            int high = low + 1 + random.nextInt(shards - low);
            BitSet owned = new BitSet();
            owned.set(low, high);
            owners.add(owned);
            low = high;
        }
        return owners;
    }

    private static List<BitSet> scattered(Random random, int shards) {
        List<BitSet> owners = new ArrayList<>();
        int count = 1 + random.nextInt(5);
        for (int i = 0; i < count; i++) {
            owners.add(new BitSet());
        }
        for (int s = 0; s < shards; s++) {
            owners.get(random.nextInt(count)).set(s);
        }
        return owners;
    }

    private void assertRefused(String message, int shards, int[]... ranges) {
        List<Leaf> leaves = leaves(new Random(SEED), shards);
        List<GradientPart> parts = new ArrayList<>();
        for (int[] range : ranges) {
            parts.add(part(leaves, range[0], range[1]));
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ReductionTree(shards, kernels).reduce(parts))
                .withMessageContaining(message);
        parts.forEach(GradientPart::close);
    }

    @Test
    void aMissingShardIsNamed() {
        assertRefused("no gradient came from shard 3 of 4", 4, new int[] {0, 2}, new int[] {2, 3});
        assertRefused("no gradient came from shard 0 of 1", 1);
    }

    @Test
    void aShardThatCameTwiceIsRefused() {
        assertRefused(
                "cover 5 shards, expected each of 4 once",
                4,
                new int[] {0, 2},
                new int[] {2, 3},
                new int[] {3, 4},
                new int[] {2, 3});
        assertRefused("cover 5 shards, expected each of 4 once", 4, new int[] {0, 4}, new int[] {1, 2});
    }

    @Test
    void aPartThatIsNoNodeIsRefused() {
        assertRefused("no gradient came from shard 1 of 4", 4, new int[] {0, 1}, new int[] {1, 3}, new int[] {3, 4});
    }
}
