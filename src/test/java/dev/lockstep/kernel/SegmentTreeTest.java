package dev.lockstep.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SegmentTreeTest {
    private static final int MAX_SHARDS = 33;
    private static final int MAX_LOW = 9;

    private interface TreeCheck {
        void check(int low, int high);
    }

    private static void forAllTrees(TreeCheck check) {
        for (int low = 0; low <= MAX_LOW; low++) {
            for (int high = low + 1; high <= low + MAX_SHARDS; high++) {
                check.check(low, high);
            }
        }
    }

    private static String expression(int low, int high) {
        if (high == low + 1) {
            return Integer.toString(low);
        }
        int mid = (low + high) / 2;
        return "(" + expression(low, mid) + "+" + expression(mid, high) + ")";
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 0", "0, 3, (0+(1+2))", "0, 4, ((0+1)+(2+3))", "1, 4, (1+(2+3))", "3, 8, ((3+4)+(5+(6+7)))"})
    void theTreeOfADesignOnPaper(int low, int high, String expected) {
        assertThat(expression(low, high)).isEqualTo(expected);
    }

    /** Numbers of many magnitudes: a sum in any other order has other bits. */
    @Test
    void sumFollowsTheTreeWithEmptySegmentsAnywhere() {
        Random random = new Random(4);
        forAllTrees((low, high) -> {
            int[] rowsOfShard = RandomBatch.deal(random.nextInt(3 * (high - low)), high - low, random);
            SegmentTree tree = new SegmentTree(low, high);
            int rows = 0;
            for (int s = 0; s < rowsOfShard.length; s++) {
                rows += rowsOfShard[s];
                tree.endSegment(s, rows);
            }
            double[] values = random.doubles(rows)
                    .map(v -> Math.scalb(v - 0.5, random.nextInt(60)))
                    .toArray();
            Double expected = sum(tree, low, high, values);
            assertThat(tree.rows()).isEqualTo(rows);
            assertThat(tree.sum(r -> values[r])).as("%s", tree).isEqualTo(expected == null ? 0 : expected);
        });
    }

    /** The sum of the shards [low, high), null without rows. */
    private static Double sum(SegmentTree tree, int low, int high, double[] values) {
        if (high == low + 1) {
            int first = low == tree.low() ? 0 : tree.rowEnd(low - tree.low() - 1);
            Double sum = null;
            for (int r = first; r < tree.rowEnd(low - tree.low()); r++) {
                sum = sum == null ? values[r] : sum + values[r];
            }
            return sum;
        }
        Double left = sum(tree, low, (low + high) / 2, values);
        Double right = sum(tree, (low + high) / 2, high, values);
        if (left == null || right == null) {
            return left == null ? right : left;
        }
        return (Double) (left + right);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "3, 2", "-1, 2"})
    void aSubtreeHasAtLeastOneShard(int low, int high) {
        assertThatThrownBy(() -> new SegmentTree(low, high))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[" + low + ", " + high + ")");
    }
}
