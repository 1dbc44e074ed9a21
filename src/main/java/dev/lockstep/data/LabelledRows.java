package dev.lockstep.data;

import java.io.Serializable;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/**
 * A labelled set of examples in a fixed order that lies where every process of a run can read it. It holds names and numbers
 * only, so it travels to whoever reads a part of it, and whoever takes over a lost worker's shards reads the same rows again.
 * Immutable.
 */
public interface LabelledRows extends Serializable {
    /** Number of examples, from 0. */
    int examples();

    /** Width of a row. */
    int inputs();

    /** What the set is called in logs and errors. */
    String name();

    /**
     * Reads one shard for each range.
     *
     * @param conf where to find the filesystem
     * @param ranges ascending and not overlapping; they may be empty and leave gaps
     * @param classes labels are 0 to classes - 1; at most 256
     * @return the shards in the order of the ranges; the caller owns them and closes each. If this method throws,
     *     none is left.
     * @throws dev.lockstep.BadInputException if a file is gone or damaged, if a label is out of range, or if a range makes a
     *     shard larger than one off-heap block can be
     * @throws java.io.UncheckedIOException if the filesystem fails
     * @throws IllegalArgumentException if the ranges are not ascending ranges of the set, or classes is not 1 to 256
     */
    List<Shard> read(Configuration conf, List<ShardRange> ranges, int classes);
}
