package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class ShardWorkerTest {
    private static final long SEED = 31;

    @TempDir
    Path directory;

    /** Workers with random contiguous ranges, whose parts arrive in any order: the gradient of one worker with all. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 8, 16, 17})
    void anyPartitionOfTheShardsGivesTheBitsOfOneWorker(int shards) {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(shards, 24, Sampling.REPLACEMENT, 17);
        Random random = new Random(SEED);
        for (int round = 0; round < 12; round++) {
            assertSame(plan, random, "seed " + SEED + ", round " + round);
        }
    }

    private static void assertSame(StepPlan plan, Random random, String what) {
        List<ShardWorker> workers = new ArrayList<>();
        try (GradientSource whole = new LocalGradientSource(SmallSet.conf(), plan);
                Parameters weights = SmallSet.initial(plan)) {
            for (int low = 0; low < plan.shards(); ) {
                int high = low + 1 + random.nextInt(plan.shards() - low);
                workers.add(ShardWorker.load(SmallSet.conf(), plan, low, high));
                low = high;
            }
            for (long step = 0; step < 3; step++) {
                List<GradientPart> parts = new ArrayList<>();
                for (ShardWorker worker : workers) {
                    parts.addAll(worker.gradient(step, weights));
                }
                Collections.shuffle(parts, random);
                GradientPart expected = whole.gradient(step, weights);
                GradientPart root = new ReductionTree(plan.shards(), plan.kernels()).reduce(parts);
                assertThat(root.values().sha256())
                        .as(what)
                        .isEqualTo(expected.values().sha256());
                assertThat(root.lossSum()).as(what).isEqualTo(expected.lossSum());
                assertThat(root.rows()).as(what).isEqualTo(24);
            }
        } finally {
            workers.forEach(ShardWorker::close);
        }
    }

    /** The fixed tree is part of the result's definition, so its shape must not matter beyond rounding. */
    @Test
    void otherShardCountsGiveOtherBitsOfTheSameGradient() {
        SmallSet set = SmallSet.in(directory, Storage.PLAIN);
        StepPlan one = set.plan(1, 64, Sampling.EPOCH, 0);
        StepPlan many = set.plan(16, 64, Sampling.EPOCH, 0);
        try (GradientSource a = new LocalGradientSource(SmallSet.conf(), one);
                GradientSource b = new LocalGradientSource(SmallSet.conf(), many);
                Parameters weights = SmallSet.initial(one)) {
            GradientPart x = a.gradient(0, weights);
            GradientPart y = b.gradient(0, weights);
            assertThat(x.values().sha256()).isNotEqualTo(y.values().sha256());
            for (int i = 0; i < x.values().all().length(); i++) {
                assertThat(x.values().all().get(i)).isCloseTo(y.values().all().get(i), within(1e-6f));
            }
        }
    }

    @Test
    void damageFoundWhileLoadingLeavesNothingBehind() throws IOException {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(4, 16, Sampling.EPOCH, 0);
        Path labels = directory.resolve(IdxWriter.labelsName("t10k"));
        byte[] content = Files.readAllBytes(labels);
        content[content.length - 1] = 9;
        Files.write(labels, content);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> new LocalGradientSource(SmallSet.conf(), plan))
                .withMessageContaining(labels.toString())
                .withMessageContaining("found 9");
    }
}
