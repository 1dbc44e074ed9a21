package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.cluster.HdfsCluster;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What data nodes of a real HDFS send when one shard of many is read. */
@ExtendWith(LeakCheck.class)
class HdfsRangesIT {
    private static final int EXAMPLES = 24_000;
    private static final int PIXELS = 28 * 28;
    private static final int SHARDS = 8;

    /** HDFS sends whole pieces, at both ends of a read too, with a checksum of four bytes each. */
    private static final int PIECE_BYTES = 512;

    @TempDir
    Path directory;

    @Test
    void aShardCostsItsOwnBytesAndNoMore() throws IOException {
        IdxWriter set = IdxWriter.random(3, EXAMPLES, 28, 28, 10, 0.2).write(directory, "train", Storage.PLAIN);
        Configuration conf = new Configuration();
        try (HdfsCluster hdfs = new HdfsCluster(directory.resolve("hdfs"))) {
            hdfs.put(directory.resolve(IdxWriter.imagesName("train")), "/data/" + IdxWriter.imagesName("train"));
            hdfs.put(directory.resolve(IdxWriter.labelsName("train")), "/data/" + IdxWriter.labelsName("train"));
            long before = hdfs.bytesSent();
            LabelledImages files = LabelledImages.open(conf, hdfs.uri("/data"), "train");
            assertThat(sentSince(before, hdfs, 4))
                    .as("bytes sent for names and headers")
                    .isLessThan(20 * PIECE_BYTES);
            for (ShardRange range : ShardRange.split(EXAMPLES, SHARDS)) {
                before = hdfs.bytesSent();
                List<Shard> shards = ShardReader.read(conf, files, List.of(range), 10);
                ShardRows.assertSame(shards, List.of(range), set);
                shards.forEach(Shard::close);
                long wanted = (long) range.count() * (PIXELS + 1);
                assertThat(sentSince(before, hdfs, wanted))
                        .as("bytes sent for %d examples from %d on", range.count(), range.first())
                        .isBetween(wanted, wanted + wanted / 100 + 20 * PIECE_BYTES);
            }
        }
    }

    /** A node counts when it is done, which may be after the reader is. */
    private static long sentSince(long before, HdfsCluster hdfs, long atLeast) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (hdfs.bytesSent() - before < atLeast && System.nanoTime() < deadline) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        return hdfs.bytesSent() - before;
    }
}
