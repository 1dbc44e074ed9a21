package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.kernel.SparseBatch;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class ShardTest {

    private final Configuration conf = new Configuration(false);

    @TempDir
    Path directory;

    @Test
    void takesAboutAThirdOfAByteForEachByteOfMnist() {
        String data = Path.of(System.getProperty("lockstep.project", ""), "data", "mnist-10k")
                .toString();
        LabelledImages files = LabelledImages.open(conf, data, LabelledImages.TRAIN);
        assertThat(files.examples()).isEqualTo(8000);
        assertThat(files.pixels()).isEqualTo(784);
        long before = MemoryGauge.process().bytesInUse();
        List<Shard> shards = ShardReader.read(conf, files, ShardRange.split(files.examples(), 16), 10);
        long bytes = shards.stream().mapToLong(Shard::offHeapBytes).sum();
        assertThat(MemoryGauge.process().bytesInUse() - before).isEqualTo(bytes);
        assertThat((double) bytes / (8000 * 784)).isBetween(0.3, 0.4);
        // The parts must add up too: a block longer than its parts would be waste that the ratio may hide.
        long blocks = 0;
        for (Shard shard : shards) {
            for (int row = 0; row < shard.examples(); row++) {
                blocks += shard.groups(row);
            }
        }
        assertThat(bytes).isEqualTo(5 * blocks + 5 * 8000 + 4 * 16);
        assertThat(Shard.fingerprintText(sum(shards))).isEqualTo("821712ac66d7dab8");
        shards.forEach(Shard::close);
    }

    @Test
    void groupsOfImagesWithMoreThan1024PixelsTakeFourBytes() {
        assertThat(bytesOf(IdxWriter.random(1, 1, 32, 32, 1, 1))).isEqualTo(2 * 4 + 256 * 5 + 1);
        assertThat(bytesOf(IdxWriter.random(1, 1, 1, 1025, 1, 1))).isEqualTo(2 * 4 + 257 * 8 + 1);
    }

    @Test
    void copyRowStaysInsideTheBatchAndTheShard() {
        with(IdxWriter.random(9, 4, 2, 5, 3, 1), shard -> {
            try (SparseBatch batch = new SparseBatch(10, 2, 3)) {
                for (int row : new int[] {-1, 4, Integer.MAX_VALUE}) {
                    assertOutOfBounds(() -> shard.copyRow(row, batch));
                    assertOutOfBounds(() -> touch(shard, row));
                    assertOutOfBounds(() -> shard.label(row));
                    assertOutOfBounds(() -> shard.groups(row));
                }
                shard.copyRow(3, batch);
                shard.copyRow(0, batch);
                assertOutOfBounds(() -> shard.copyRow(0, batch));
            }
        });
    }

    @Test
    void everyRowCanBeTouchedAndIsNotChanged() {
        with(IdxWriter.random(9, 4, 20, 30, 3, 0.3), ShardTest::assertTouchable);
        with(IdxWriter.random(9, 4, 20, 30, 3, 0), ShardTest::assertTouchable);
        with(IdxWriter.random(9, 1, 1, 1025, 3, 0.5), ShardTest::assertTouchable);
        // The last row has no pixels, so nothing begins where it would.
        with(new IdxWriter(2, 1, 2, new byte[] {1, 2, 0, 0}, new byte[] {0, 1}), ShardTest::assertTouchable);
    }

    private static int touch(Shard shard, int row) {
        return shard.touchRows(new int[] {row}, 0, 1, new int[1]);
    }

    private static void assertTouchable(Shard shard) {
        for (int row = 0; row < shard.examples(); row++) {
            assertThat(touch(shard, row)).isEqualTo(touch(shard, row));
        }
    }

    @Test
    void copyRowAllocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        with(IdxWriter.random(9, 4, 20, 30, 3, 0.3), shard -> {
            try (SparseBatch batch = new SparseBatch(600, 1, 150)) {
                long least = Long.MAX_VALUE;
                // Vector code allocates until it is compiled; the calls that this takes depend on the machine.
                for (int round = 0; round < 500 && least > 0; round++) {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    for (int i = 0; i < 1000; i++) {
                        batch.clear();
                        shard.copyRow(i & 3, batch);
                    }
                    least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
                }
                assertThat(least).as("bytes allocated by 1,000 calls").isZero();
            }
        });
    }

    @Test
    void aClosedShardRefusesUseAndASecondClose() {
        IdxWriter set = IdxWriter.random(9, 4, 2, 5, 3, 1);
        set.write(directory, "train", Storage.PLAIN);
        Shard shard = read(1).get(0);
        shard.close();
        try (SparseBatch batch = new SparseBatch(10, 1, 3)) {
            assertThatIllegalStateException().isThrownBy(() -> shard.copyRow(0, batch));
        }
        assertThatIllegalStateException().isThrownBy(() -> shard.label(0));
        assertThatIllegalStateException().isThrownBy(() -> shard.groups(0));
        assertThatIllegalStateException().isThrownBy(shard::close);
    }

    @Test
    void theFingerprintChangesWithEveryBitOfPixelsAndLabelsAndWithOrderAndShape() {
        IdxWriter set = IdxWriter.random(12, 6, 2, 5, 4, 0.5);
        Set<Long> seen = new HashSet<>();
        int variants = 0;
        assertThat(seen.add(fingerprintOf(set))).isTrue();
        for (int bit = 0; bit < 8 * set.pixels().length; bit++, variants++) {
            byte[] pixels = set.pixels().clone();
            pixels[bit / 8] ^= (byte) (1 << bit % 8);
            seen.add(fingerprintOf(new IdxWriter(6, 2, 5, pixels, set.labels())));
        }
        for (int bit = 0; bit < 8 * 6; bit++, variants++) {
            byte[] labels = set.labels().clone();
            labels[bit / 8] ^= (byte) (1 << bit % 8);
            seen.add(fingerprintOf(new IdxWriter(6, 2, 5, set.pixels(), labels)));
        }
        byte[] swapped = set.pixels().clone();
        System.arraycopy(set.pixels(), 0, swapped, 10, 10);
        System.arraycopy(set.pixels(), 10, swapped, 0, 10);
        seen.add(fingerprintOf(new IdxWriter(6, 2, 5, swapped, set.labels())));
        seen.add(fingerprintOf(new IdxWriter(6, 5, 2, set.pixels(), set.labels())));
        assertThat(seen).hasSize(1 + variants + 2);
    }

    @Test
    void theFingerprintTextHasSixteenDigits() {
        assertThat(Shard.fingerprintText(0x0123456789abcdefL)).isEqualTo("0123456789abcdef");
        assertThat(Shard.fingerprintText(-1)).isEqualTo("ffffffffffffffff");
    }

    @Test
    void aShardThatNoBlockCanHoldAsksForMoreShards() {
        IdxWriter.random(3, 10, 5, 5, 2, 1).write(directory, "train", Storage.GZIP);
        LabelledImages files = LabelledImages.open(conf, directory.toString(), "train");
        // All: 11 * 4 + 10 * 7 * 5 + 10 = 404 bytes. Halves: 6 * 4 + 5 * 7 * 5 + 5 = 204.
        for (long tooFew : new long[] {1, 60, 403}) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(10, 1), 2, tooFew))
                    .withMessageStartingWith(
                            files.imagesUri() + ": shard of examples 0 to 9: expected at most " + tooFew)
                    .withMessageEndingWith("use more --shards");
        }
        ShardReader.read(conf, files, ShardRange.split(10, 1), 2, 404).forEach(Shard::close);
        ShardReader.read(conf, files, ShardRange.split(10, 2), 2, 204).forEach(Shard::close);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ShardReader.read(conf, files, ShardRange.split(10, 2), 2, 203));
    }

    private long bytesOf(IdxWriter set) {
        long[] bytes = new long[1];
        with(set, shard -> {
            bytes[0] = shard.offHeapBytes();
            ShardRows.assertSame(shard, set);
        });
        return bytes[0];
    }

    private long fingerprintOf(IdxWriter set) {
        long[] fingerprint = new long[1];
        with(set, shard -> fingerprint[0] = shard.fingerprint());
        return fingerprint[0];
    }

    private void with(IdxWriter set, Consumer<Shard> use) {
        set.write(directory, "train", Storage.PLAIN);
        try (Shard shard = read(1).get(0)) {
            use.accept(shard);
        }
    }

    private List<Shard> read(int shards) {
        LabelledImages files = LabelledImages.open(conf, directory.toString(), "train");
        return ShardReader.read(conf, files, ShardRange.split(files.examples(), shards), 256);
    }

    private static long sum(List<Shard> shards) {
        return shards.stream().mapToLong(Shard::fingerprint).sum();
    }

    private static void assertOutOfBounds(ThrowingCallable access) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(access);
    }
}
