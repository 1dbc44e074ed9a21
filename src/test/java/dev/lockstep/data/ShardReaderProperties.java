package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.apache.hadoop.conf.Configuration;

@AddLifecycleHook(LeakCheck.class)
class ShardReaderProperties {
    private static final int DAMAGE_TRIES = 1200;
    private static final Duration MOST = Duration.ofSeconds(20);

    private final Configuration conf = new Configuration(false);
    private Path directory;
    private int cleanReads;
    private int badInputs;

    @BeforeProperty
    void createDirectory() throws IOException {
        directory = Files.createTempDirectory("lockstep-shards");
    }

    @AfterProperty
    void deleteDirectory() throws IOException {
        clear();
        Files.delete(directory);
    }

    @Property(tries = 400, seed = "3141")
    void everyPartitionGivesTheSameRowsAndTheSameFingerprint(
            @ForAll @IntRange(min = 1, max = 60) int examples,
            @ForAll @IntRange(min = 1, max = 12) int rows,
            @ForAll @IntRange(min = 1, max = 12) int columns,
            @ForAll Storage storage,
            @ForAll @IntRange(max = 70) int cuts,
            @ForAll int seed)
            throws IOException {
        clear();
        IdxWriter set = IdxWriter.random(seed, examples, rows, columns, 10, 0.3).write(directory, "train", storage);
        LabelledImages files = LabelledImages.open(conf, directory.toString(), "train");
        List<ShardRange> partition = partition(examples, cuts, new Random(seed));
        List<Shard> whole = ShardReader.read(conf, files, ShardRange.split(examples, 1), 10);
        List<Shard> parts = new ArrayList<>();
        // As executors do it: one takes the odd shards in a single pass, others take the even ones, one each.
        List<ShardRange> odd = new ArrayList<>();
        for (int s = 0; s < partition.size(); s++) {
            if (s % 2 == 1) {
                odd.add(partition.get(s));
            } else {
                parts.addAll(ShardReader.read(conf, files, List.of(partition.get(s)), 10));
            }
        }
        parts.addAll(ShardReader.read(conf, files, odd, 10));
        parts.sort(Comparator.comparingInt(Shard::first).thenComparingInt(Shard::examples));
        ShardRows.assertSame(whole, ShardRange.split(examples, 1), set);
        ShardRows.assertSame(parts, partition, set);
        assertThat(parts.stream().mapToLong(Shard::fingerprint).sum())
                .isEqualTo(whole.get(0).fingerprint());
        whole.forEach(Shard::close);
        parts.forEach(Shard::close);
    }

    /** Bytes changed, cut off or added anywhere in any of the files: read as they are or refused, nothing else. */
    @Property(tries = DAMAGE_TRIES, seed = "1618")
    void randomDamageIsReadOrRefused(
            @ForAll Storage storage, @ForAll Damage damage, @ForAll boolean ofLabels, @ForAll int seed)
            throws IOException {
        clear();
        Random random = new Random(seed);
        IdxWriter set = IdxWriter.random(seed, 1 + random.nextInt(40), 1 + random.nextInt(9), 7, 10, 0.4);
        set.write(directory, "train", storage);
        String name = ofLabels ? IdxWriter.labelsName("train") : IdxWriter.imagesName("train");
        Path file = directory.resolve(storage.name(name));
        byte[] damaged = damage.apply(Files.readAllBytes(file), random);
        Files.write(file, damaged);
        assertTimeoutPreemptively(MOST, () -> readAll(5));
    }

    @AfterProperty
    void bothEndsWereSeen() {
        // A damage that is never read, or never refused, would mean that the property tests nothing. After a failure,
        // which ends the tries early, that failure is what should be told.
        if (cleanReads + badInputs >= DAMAGE_TRIES) {
            assertThat(cleanReads).isGreaterThan(20);
            assertThat(badInputs).isGreaterThan(200);
        }
    }

    private void readAll(int shardCount) {
        try {
            LabelledImages files = LabelledImages.open(conf, directory.toString(), "train");
            List<Shard> shards = ShardReader.read(conf, files, ShardRange.split(files.examples(), shardCount), 10);
            shards.forEach(Shard::close);
            cleanReads++;
        } catch (BadInputException e) {
            assertThat(e.getMessage().lines()).hasSize(1);
            assertThat(e).hasMessageContainingAll("train-", "expected", "found");
            badInputs++;
        }
    }

    private static List<ShardRange> partition(int examples, int cuts, Random random) {
        TreeSet<Integer> ends = new TreeSet<>(List.of(examples));
        for (int i = 0; i < cuts; i++) {
            ends.add(random.nextInt(examples + 1));
        }
        List<ShardRange> ranges = new ArrayList<>();
        int first = 0;
        for (int end : ends) {
            ranges.add(new ShardRange(first, end - first));
            first = end;
        }
        return ranges;
    }

    private void clear() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    /** What happens to a file. */
    enum Damage {
        BYTES {
            @Override
            byte[] apply(byte[] file, Random random) {
                for (int i = random.nextInt(4); i >= 0; i--) {
                    file[random.nextInt(file.length)] = (byte) random.nextInt();
                }
                return file;
            }
        },
        HEADER {
            @Override
            byte[] apply(byte[] file, Random random) {
                file[random.nextInt(Math.min(file.length, 18))] = (byte) random.nextInt();
                return file;
            }
        },
        BIT {
            @Override
            byte[] apply(byte[] file, Random random) {
                file[random.nextInt(file.length)] ^= (byte) (1 << random.nextInt(8));
                return file;
            }
        },
        CUT {
            @Override
            byte[] apply(byte[] file, Random random) {
                return Arrays.copyOf(file, random.nextInt(file.length));
            }
        },
        LONGER {
            @Override
            byte[] apply(byte[] file, Random random) {
                byte[] longer = Arrays.copyOf(file, file.length + 1 + random.nextInt(50));
                longer[file.length] = (byte) random.nextInt();
                return longer;
            }
        },
        HOLE {
            @Override
            byte[] apply(byte[] file, Random random) {
                int from = random.nextInt(file.length);
                int to = from + random.nextInt(file.length - from + 1);
                byte[] shorter = Arrays.copyOf(file, file.length - (to - from));
                System.arraycopy(file, to, shorter, from, file.length - to);
                return shorter;
            }
        };

        abstract byte[] apply(byte[] file, Random random);
    }
}
