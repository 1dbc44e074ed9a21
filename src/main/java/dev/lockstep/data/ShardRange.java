package dev.lockstep.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * The examples of one shard: a contiguous range, which may be empty.
 *
 * @param first number of the first example, from 0
 * @param count number of examples, from 0
 */
public record ShardRange(int first, int count) implements Serializable {
    /** Checks that it is a range of ints from 0 on. */
    public ShardRange {
        if (first < 0 || count < 0 || first > Integer.MAX_VALUE - count) {
            throw new IllegalArgumentException("range of " + count + " examples from " + first + " on");
        }
    }

    /** The number behind the last example. */
    public int end() {
        return first + count;
    }

    /**
     * Splits examples into shards whose sizes differ by at most one: shard s covers
     * [floor(s * examples / shards), floor((s + 1) * examples / shards)).
     *
     * @param examples number of examples, from 0
     * @param shards number of shards, from 1; with more shards than examples some are empty
     */
    public static List<ShardRange> split(int examples, int shards) {
        if (examples < 0 || shards < 1) {
            throw new IllegalArgumentException(shards + " shards of " + examples + " examples");
        }
        List<ShardRange> ranges = new ArrayList<>(shards);
        for (int s = 0; s < shards; s++) {
            int first = (int) ((long) s * examples / shards);
            int end = (int) ((s + 1L) * examples / shards);
            ranges.add(new ShardRange(first, end - first));
        }
        return List.copyOf(ranges);
    }

    /**
     * The shard that {@link #split} puts an example into.
     *
     * @param example 0 to examples - 1
     */
    public static int shardOf(int example, int examples, int shards) {
        // The last s with floor(s * examples / shards) <= example, which is s * examples < (example + 1) * shards.
        return (int) (((example + 1L) * shards - 1) / examples);
    }
}
