package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class StepGradientTest {
    private static final int SHARDS = 7;

    @TempDir
    Path directory;

    private static BitSet all() {
        BitSet all = new BitSet();
        all.set(0, SHARDS);
        return all;
    }

    /** Batches of one run, of some, and of many waves, cut up for any number of threads. */
    @ParameterizedTest
    @ValueSource(ints = {1, 9, 130, 1500})
    void theCutDoesNotChangeABit(int batchSize) {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, batchSize, Sampling.REPLACEMENT, 0);
        List<Node> nodes = List.of(new Node(0, 3), new Node(3, 7));
        Map<Integer, List<String>> found = new HashMap<>();
        try (ShardStore shards = new ShardStore(SmallSet.conf(), plan);
                Parameters weights = SmallSet.initial(plan)) {
            shards.load(all());
            for (int threads : new int[] {1, 2, 3, 5, 16}) {
                found.put(threads, gradients(plan, shards, weights, nodes, threads));
            }
        }
        for (List<String> bits : found.values()) {
            assertThat(bits).isEqualTo(found.get(1));
        }
    }

    private static List<String> gradients(
            StepPlan plan, ShardStore shards, Parameters weights, List<Node> nodes, int threads) {
        Map<Node, GradientPart> parts = new HashMap<>();
        for (Node node : nodes) {
            parts.put(node, new GradientPart(node.low(), node.high(), new Parameters(plan.shape())));
        }
        try (StepGradient gradient = new StepGradient(plan)) {
            return List.of(0L, 1L, 1L, 1L, 0L).stream()
                    .map(step -> {
                        gradient.alone(step, nodes, shards, threads, weights, parts::get);
                        return nodes.stream()
                                .map(node -> text(parts.get(node)))
                                .toList()
                                .toString();
                    })
                    .toList();
        } finally {
            parts.values().forEach(GradientPart::close);
        }
    }

    private static String text(GradientPart part) {
        String bits = part.rows() == 0 ? "" : part.values().sha256();
        return part.rows() + " rows, loss " + part.lossSum() + ", " + bits;
    }

    /** What was prepared for one thing is not used for another. */
    @Test
    void whatWasPreparedForOthersIsDrawnAnew() {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 40, Sampling.REPLACEMENT, 0);
        List<Node> whole = List.of(new Node(0, 7));
        List<Node> half = List.of(new Node(0, 3));
        try (ShardStore shards = new ShardStore(SmallSet.conf(), plan);
                Parameters weights = SmallSet.initial(plan);
                GradientPart of7 = new GradientPart(0, 7, new Parameters(plan.shape()));
                GradientPart of3 = new GradientPart(0, 3, new Parameters(plan.shape()));
                StepGradient fresh = new StepGradient(plan);
                StepGradient gradient = new StepGradient(plan)) {
            shards.load(all());
            Function<Node, GradientPart> partOf = node -> node.high() == 7 ? of7 : of3;
            fresh.alone(5, whole, shards, 1, weights, partOf);
            String expected = text(of7);
            fresh.alone(5, half, shards, 1, weights, partOf);
            String expectedHalf = text(of3);
            assertThat(expectedHalf).isNotEqualTo(expected);

            gradient.prepare(4, whole, shards, 2, partOf, this, () -> true);
            gradient.alone(5, whole, shards, 2, weights, partOf);
            assertThat(text(of7)).as("prepared for another step").isEqualTo(expected);
            gradient.prepare(5, whole, shards, 2, partOf, this, () -> true);
            gradient.alone(5, half, shards, 2, weights, partOf);
            assertThat(text(of3)).as("prepared for other shards").isEqualTo(expectedHalf);
            gradient.prepare(6, whole, shards, 3, partOf, this, () -> true);
            gradient.alone(6, whole, shards, 2, weights, partOf);
            fresh.alone(6, whole, shards, 1, weights, partOf);
            String expected6 = text(of7);
            gradient.prepare(7, whole, shards, 2, partOf, this, () -> false);
            gradient.alone(6, whole, shards, 2, weights, partOf);
            assertThat(text(of7)).as("prepared for other threads").isEqualTo(expected6);

            gradient.prepare(8, whole, shards, 2, partOf, null, () -> true);
            gradient.alone(8, whole, shards, 2, weights, partOf);
            String drawn = text(of7);
            fresh.alone(8, whole, shards, 1, weights, partOf);
            assertThat(drawn).as("drawn, and not copied").isEqualTo(text(of7)).isNotEqualTo(expected6);
        }
    }

    @Test
    void anEarlyStartLeavesNothingBehindAndHandsItsShardsOver() {
        StepPlan plan = SmallSet.in(directory, Storage.GZIP).plan(SHARDS, 40, Sampling.REPLACEMENT, 0);
        EarlyStart.begin(SmallSet.conf(), plan).close();
        ShardStore shards;
        try (EarlyStart early = EarlyStart.begin(SmallSet.conf(), plan)) {
            shards = early.takeOver();
            shards.load(all());
            early.rehearsal().run(all());
            assertThat(shards.hasLoaded(all())).isTrue();
        }
        assertThat(shards.train(0).examples())
                .as("open after the early start is closed")
                .isPositive();
        assertThat(shards.train(0).label(0)).isNotNegative();
        shards.close();
    }

    /** A run that fails at once frees its shards while they are still being read or rehearsed with. */
    @Test
    void shardsThatWereTakenOverCanBeClosedAtAnyTime() {
        StepPlan plan = SmallSet.in(directory, Storage.GZIP).plan(SHARDS, 40, Sampling.REPLACEMENT, 0);
        for (int i = 0; i < 20; i++) {
            try (EarlyStart early = EarlyStart.begin(SmallSet.conf(), plan)) {
                ShardStore shards = early.takeOver();
                for (long end = System.nanoTime() + i * 2_000_000L; System.nanoTime() < end; ) {
                    Thread.onSpinWait();
                }
                early.rehearsal().end();
                shards.close();
            }
        }
    }

    @Test
    void anEarlyStartOnDamagedFilesLeavesTheFaultToWhoNeedsThem() {
        SmallSet set = SmallSet.in(directory, Storage.PLAIN);
        StepPlan plan = set.plan(SHARDS, 40, Sampling.REPLACEMENT, 0);
        assertThat(directory.resolve(IdxWriter.labelsName("train")).toFile().delete())
                .isTrue();
        try (EarlyStart early = EarlyStart.begin(SmallSet.conf(), plan)) {
            ShardStore shards = early.takeOver();
            assertThatThrownBy(() -> shards.load(all())).isInstanceOf(BadInputException.class);
            shards.close();
        }
    }
}
