package dev.lockstep.step;

import dev.lockstep.data.BatchSampler;
import dev.lockstep.data.Shard;
import dev.lockstep.data.ShardRange;
import dev.lockstep.kernel.SegmentTree;
import java.util.Arrays;

/**
 * The examples of a mini-batch that lie in some nodes' shards, as rows: node by node, within a node shard by shard, and within a
 * shard in the order of the batch. Filled for every step by {@link #draw}, then {@link #addNode} for each node, then {@link
 * #list}. One thread; then any number may read. Allocates nothing after it is made.
 */
final class BatchRows {
    private final StepPlan plan;
    private final BatchSampler sampler;
    private final int[] examples;
    /** Of each example, its shard. */
    private final int[] shardOf;
    /** Of each shard, how many examples it has; from {@link #addNode} on, the row of its next one. */
    private final int[] place;
    /** Of each shard, whether it is in one of the nodes. */
    private final boolean[] isHere;
    /** Of each row, its shard, and its number in the shard. */
    private final Shard[] shard;

    private final int[] number;
    private final int[] scratch;
    private int size;
    private int count;

    BatchRows(StepPlan plan) {
        this.plan = plan;
        this.sampler = plan.sampler();
        this.examples = new int[plan.batchSize()];
        this.shardOf = new int[plan.batchSize()];
        this.place = new int[plan.shards()];
        this.isHere = new boolean[plan.shards()];
        this.shard = new Shard[plan.batchSize()];
        this.number = new int[plan.batchSize()];
        this.scratch = new int[plan.batchSize()];
    }

    /** Draws the batch of a step; there are no rows yet. */
    void draw(long step) {
        size = sampler.fill(step, examples);
        count = 0;
        Arrays.fill(isHere, false);
        Arrays.fill(place, 0);
        for (int i = 0; i < size; i++) {
            shardOf[i] = ShardRange.shardOf(examples[i], plan.train().examples(), plan.shards());
            place[shardOf[i]]++;
        }
    }

    /** Adds the examples of a node's shards, which are the segments of the tree. */
    void addNode(SegmentTree tree) {
        int first = count;
        for (int s = tree.low(); s < tree.high(); s++) {
            int ofShard = place[s];
            place[s] = count;
            isHere[s] = true;
            count += ofShard;
            tree.endSegment(s - tree.low(), count - first);
        }
    }

    /** When all nodes are added: says where the rows are. */
    void list(ShardStore shards) {
        for (int i = 0; i < size; i++) {
            int s = shardOf[i];
            if (isHere[s]) {
                int row = place[s]++;
                shard[row] = shards.train(s);
                number[row] = examples[i] - shard[row].first();
            }
        }
    }

    /** Examples of the whole mini-batch. */
    int size() {
        return size;
    }

    /** Rows of the nodes that were added. */
    int count() {
        return count;
    }

    /** The shard that holds a row. */
    Shard shard(int row) {
        return shard[row];
    }

    /** A row's number in its shard. */
    int number(int row) {
        return number[row];
    }

    /** Has rows fetched to the cache, see {@link Shard#touchRows}. At the same time others may do so with other rows. */
    int touch(int first, int end) {
        int sum = 0;
        for (int row = first; row < end; ) {
            Shard ofRow = shard[row];
            int next = row + 1;
            while (next < end && shard[next] == ofRow) {
                next++;
            }
            sum += ofRow.touchRows(number, row, next, scratch);
            row = next;
        }
        return sum;
    }
}
