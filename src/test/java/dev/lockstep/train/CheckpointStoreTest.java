package dev.lockstep.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.files.AtomicOutput;
import dev.lockstep.files.SafetensorsFile;
import dev.lockstep.files.Tensor;
import dev.lockstep.memory.LeakCheck;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class CheckpointStoreTest {
    private static final long SEED = 8;

    private final List<String> warnings = new ArrayList<>();

    @TempDir
    java.nio.file.Path directory;

    private CheckpointStore store(int keep) {
        return new CheckpointStore(new Configuration(), new Path(directory.toUri()), keep);
    }

    private static Checkpoint checkpoint(long step) {
        Random random = new Random(step);
        float[] values = new float[12];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return new Checkpoint(
                List.of(new Tensor("W1", new int[] {3, 4}, values), new Tensor("b1", new int[] {0}, new float[0])),
                Map.of(Checkpoint.STEP, Long.toString(step), "config.loss", "mse", "text", "\u00e4\n\"\u0000"));
    }

    private java.nio.file.Path file(long step) {
        return directory.resolve(String.format("step-%012d.safetensors", step));
    }

    private List<String> names() throws IOException {
        try (Stream<java.nio.file.Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private void assertNewest(long step) throws IOException {
        Optional<Checkpoint> found = store(3).newest(warnings::add);
        assertThat(found.map(Checkpoint::step)).contains(step);
        Checkpoint expected = checkpoint(step);
        assertThat(found.get().texts()).isEqualTo(expected.texts());
        assertThat(found.get().tensors()).hasSize(2);
        assertThat(found.get().tensors().get(0).values())
                .isEqualTo(expected.tensors().get(0).values());
    }

    @Test
    void theNewestComesBackAsItWas() throws IOException {
        CheckpointStore store = store(10);
        for (long step : new long[] {5, 40, 1_000_000_000_000L}) {
            store.save(checkpoint(step), warnings::add);
            assertNewest(step);
        }
        assertThat(warnings).isEmpty();
    }

    @Test
    void noneIsNoError() throws IOException {
        assertThat(store(1).newest(warnings::add)).isEmpty();
        Files.delete(directory);
        assertThat(store(1).newest(warnings::add)).isEmpty();
        assertThat(warnings).isEmpty();
        Files.createDirectory(directory);
    }

    @Test
    void soManyAreKept() throws IOException {
        CheckpointStore store = store(2);
        Files.writeString(directory.resolve("notes.txt"), "mine");
        for (long step = 1; step <= 5; step++) {
            store.save(checkpoint(step), warnings::add);
            assertThat(names()).hasSize((int) Math.min(step, 2) + 1);
        }
        assertThat(names())
                .containsExactly("notes.txt", "step-000000000004.safetensors", "step-000000000005.safetensors");
    }

    /** Any change of a byte and any cut: with one warning, the one before is taken. */
    @Test
    void aDamagedNewestIsPassedOver() throws IOException {
        store(3).save(checkpoint(10), warnings::add);
        store(3).save(checkpoint(20), warnings::add);
        byte[] whole = Files.readAllBytes(file(20));
        Random random = new Random(SEED);
        for (int round = 0; round < 600; round++) {
            byte[] damaged = damage(random, whole);
            Files.write(file(20), damaged);
            warnings.clear();
            Optional<Checkpoint> found = store(3).newest(warnings::add);
            String what = "seed " + SEED + ", round " + round;
            assertThat(found.map(Checkpoint::step)).as(what).contains(10L);
            assertThat(warnings).as(what).hasSize(1);
            assertThat(warnings.get(0))
                    .as(what)
                    .startsWith("checkpoint passed over: ")
                    .contains(file(20).toString())
                    .doesNotContain("\n");
        }
    }

    /** Damage that is sure to change what the file says: spaces within JSON may come and go. */
    private static byte[] damage(Random random, byte[] whole) {
        if (random.nextInt(4) == 0) {
            return Arrays.copyOf(whole, random.nextInt(whole.length));
        }
        if (random.nextInt(4) == 0) {
            return Arrays.copyOf(whole, whole.length + 1 + random.nextInt(20));
        }
        byte[] damaged = whole.clone();
        int at = random.nextInt(whole.length);
        while (whole[at] == ' ') {
            at = random.nextInt(whole.length);
        }
        damaged[at] ^= (byte) (1 + random.nextInt(255));
        return damaged;
    }

    @Test
    void whenAllAreDamagedThereIsNone() throws IOException {
        for (long step = 1; step <= 3; step++) {
            store(3).save(checkpoint(step), warnings::add);
            Files.write(file(step), new byte[0]);
        }
        assertThat(store(3).newest(warnings::add)).isEmpty();
        assertThat(warnings).hasSize(3);
    }

    @Test
    void aDirectoryOfThatNameIsNoCheckpoint() throws IOException {
        store(3).save(checkpoint(1), warnings::add);
        Files.createDirectory(file(2));
        assertNewest(1);
    }

    /** The damaged one is the newest by name, and must not push out the good ones that a resumed run saves. */
    @Test
    void aDamagedCheckpointDoesNotCountAmongThoseToKeep() throws IOException {
        store(1).save(checkpoint(20), warnings::add);
        Files.write(file(20), new byte[100]);
        store(1).save(checkpoint(15), warnings::add);
        assertNewest(15);
        store(1).save(checkpoint(18), warnings::add);
        assertNewest(18);
        assertThat(names()).containsExactly("step-000000000018.safetensors");
    }

    /** Also what is right by its digest may be a stranger's: a step that is none, and the shape counts as much as values. */
    @Test
    void aStepThatIsNoneAndAnotherShapeArePassedOver() throws IOException {
        store(9).save(checkpoint(10), warnings::add);
        for (String step : new String[] {"", "0", "-1", "x\u001b[2J", "9223372036854775808", "1.5"}) {
            Checkpoint wrong = new Checkpoint(List.of(), Map.of(Checkpoint.STEP, step));
            write(wrong.tensors(), wrong.sealed());
            warnings.clear();
            assertNewest(10);
            assertThat(warnings)
                    .singleElement()
                    .asString()
                    .contains("expected a number", "step", "found \"")
                    .doesNotContain("\u001b");
        }
        Checkpoint right = checkpoint(20);
        List<Tensor> turned = new ArrayList<>(right.tensors());
        turned.set(0, new Tensor("W1", new int[] {4, 3}, right.tensors().get(0).values()));
        write(turned, right.sealed());
        warnings.clear();
        assertNewest(10);
        assertThat(warnings).singleElement().asString().contains("SHA-256");
        Map<String, String> texts = new TreeMap<>(right.sealed());
        texts.compute("sha256", (key, digest) -> digest + "\u001c");
        write(right.tensors(), texts);
        warnings.clear();
        assertNewest(10);
        assertThat(warnings).singleElement().asString().contains("SHA-256").doesNotContain("\u001c");
        write(right.tensors(), right.sealed());
        assertNewest(20);
    }

    private void write(List<Tensor> tensors, Map<String, String> texts) throws IOException {
        try (OutputStream out = Files.newOutputStream(file(20))) {
            SafetensorsFile.write(out, tensors, texts);
        }
    }

    /** What a process leaves that is killed while it writes. */
    @Test
    void halfACheckpointOfAKilledProcessGoesWithTheNextSave() throws IOException {
        store(2).save(checkpoint(10), warnings::add);
        java.nio.file.Path half = directory.resolve(AtomicOutput.TEMPORARY_PREFIX + "0123");
        Files.write(half, new byte[100]);
        assertNewest(10);
        store(2).save(checkpoint(20), warnings::add);
        assertThat(names()).containsExactly("step-000000000010.safetensors", "step-000000000020.safetensors");
        assertThat(warnings).isEmpty();
    }
}
