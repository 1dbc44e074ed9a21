package dev.lockstep.step;

import dev.lockstep.net.Score;

/**
 * What a round other than a gradient asks of a shard.
 *
 * @param score of the shard's examples, for a score
 * @param report on what was loaded, for a report
 */
record ShardResult(Score score, LoadReport report) {}
