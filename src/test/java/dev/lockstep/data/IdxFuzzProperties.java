package dev.lockstep.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.fuzz.Mutation;
import dev.lockstep.fuzz.Verdict;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.apache.hadoop.conf.Configuration;

/** IDX files from strangers. {@code -Dfuzz.tries=N} tries N of each kind, by default 1000. */
@AddLifecycleHook(LeakCheck.class)
class IdxFuzzProperties {
    private static final IdxWriter SET = IdxWriter.random(7, 40, 5, 6, 10, 0.4);

    private final Configuration conf = new Configuration(false);
    private Path directory;

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        return Mutation.several();
    }

    @BeforeProperty
    void createDirectory() throws IOException {
        directory = Files.createTempDirectory("lockstep-fuzz");
    }

    @AfterProperty
    void deleteDirectory() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    /** All shards, as a stranger's images or labels have it, or one line; memory off the heap counts too. */
    private void read(byte[] images, byte[] labels, Storage storage) throws Exception {
        Files.write(directory.resolve(storage.name(IdxWriter.imagesName("train"))), images);
        Files.write(directory.resolve(storage.name(IdxWriter.labelsName("train"))), labels);
        long offHeapBefore = MemoryGauge.process().bytesInUse();
        Verdict.of(images.length + labels.length, () -> {
            LabelledImages files = LabelledImages.open(conf, directory.toString(), "train");
            List<Shard> shards = ShardReader.read(conf, files, ShardRange.split(files.examples(), 3), 10);
            assertThat(MemoryGauge.process().bytesInUse() - offHeapBefore)
                    .isLessThan((1L << 20) + 64L * (images.length + labels.length));
            shards.forEach(Shard::close);
        });
        assertThat(MemoryGauge.process().bytesInUse()).isEqualTo(offHeapBefore);
    }

    @Property(seed = "271830", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void plainFilesAreReadOrRefused(@ForAll("mutations") List<Mutation> mutations, @ForAll boolean images)
            throws Exception {
        byte[] pixels = SET.imagesContent();
        byte[] labels = SET.labelsContent();
        read(
                images ? Mutation.apply(mutations, pixels) : pixels,
                images ? labels : Mutation.apply(mutations, labels),
                Storage.PLAIN);
    }

    /** Damage to the gzip file, and gzip files that are right around damaged content. */
    @Property(seed = "271831", edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.OFF)
    void gzipFilesAreReadOrRefused(
            @ForAll("mutations") List<Mutation> mutations, @ForAll boolean images, @ForAll boolean inside)
            throws Exception {
        byte[] pixels = SET.imagesContent();
        byte[] labels = SET.labelsContent();
        byte[] chosen = images ? pixels : labels;
        byte[] damaged = inside
                ? IdxWriter.gzip(Mutation.apply(mutations, chosen))
                : Mutation.apply(mutations, IdxWriter.gzip(chosen));
        read(images ? damaged : IdxWriter.gzip(pixels), images ? IdxWriter.gzip(labels) : damaged, Storage.GZIP);
    }
}
