package dev.lockstep.step;

import java.util.function.IntFunction;
import java.util.function.Supplier;

/** Where the parts of a round are brought together: at the driver, or at a worker that passes them on. Any thread. */
interface PartSink {
    /** What a round is to bring; null if it is not the one under way. */
    Work.Kind kindOf(long round);

    /**
     * A member brings the gradient of a node. If it is wanted, it is taken from {@code part}, and is not changed until the
     * next round but by the sink; otherwise it is refused.
     */
    void take(int member, long round, Node node, Supplier<GradientPart> part);

    /** A member brings scores, or reports, of the shards of a node. */
    void take(int member, long round, Node node, IntFunction<ShardResult> ofShard);
}
