package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.Holdout;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Sampling;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.NetworkShape;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Executors behind the encryption that Spark had before its present one, and that a cluster may still ask for. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
@Timeout(120)
class SaslEncryptionIT {
    private static final int EXECUTORS = 3;
    private static final int SHARDS = 8;
    private static final Map<String, String> SASL = Map.of(
            "spark.authenticate", "true",
            "spark.authenticate.secret", "of-this-test-alone",
            "spark.authenticate.enableSaslEncryption", "true",
            "spark.network.crypto.enabled", "false");

    /** Gradient and weights have 84 kB: Spark encrypts 64 KB at a time. */
    private static final int HIDDEN = 600;

    @TempDir
    Path directory;

    private StepPlan plan() {
        SmallSet set = SmallSet.in(directory, Storage.PLAIN);
        LabelledImages train = set.open(LabelledImages.TRAIN);
        StepPlan small = set.plan(SHARDS, 16, Sampling.EPOCH, 0);
        return new StepPlan(
                new NetworkShape(small.shape().inputs(), HIDDEN, small.shape().outputs()),
                Activation.TANH,
                Loss.CROSS_ENTROPY,
                KernelChoice.AUTO,
                GradientMethod.BACKPROP,
                Sampling.EPOCH,
                small.batchSize(),
                small.seed(),
                new Holdout(SmallSet.TRAIN, 0, small.seed()),
                SHARDS,
                train,
                set.open(LabelledImages.TEST));
    }

    /** First all below the driver, then in a chain, where two of them pass on. */
    @Test
    void executorsGiveTheBitsOfOneProcess() {
        StepPlan plan = plan();
        Outcome expected = Outcome.local(plan);
        long blocksBefore = MemoryGauge.process().blocksInUse();
        try (LocalCluster cluster = new LocalCluster(EXECUTORS, SASL)) {
            for (int fanIn = 0; fanIn < 2; fanIn++) {
                try (GradientSource source = new LockstepGradientSource(cluster.spark(), plan, EXECUTORS, fanIn)) {
                    LocalCluster.awaitJoined(source, EXECUTORS);
                    assertThat(Outcome.of(source, plan)).as("fan-in %d", fanIn).isEqualTo(expected);
                    assertThat(source.counters().workersLost()).isZero();
                }
            }
            Await.offHeapBlocks(blocksBefore);
        }
    }
}
