package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.BadInputException;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.net.NetworkShape;
import java.nio.file.Path;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExchangeTransportTest {
    @TempDir
    private Path directory;

    /** A part of 784-170000-10 has 541 MB: four fit into no frame, two do. */
    @Test
    void gradientsThatFitIntoNoFrameAreRefusedBeforeTheRun() {
        NetworkShape shape = new NetworkShape(784, 170_000, 10);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> ExchangeTransport.requireFrames(plan(shape, 8)))
                .withMessageContainingAll("--hidden 170000", "--shards 8", "2147483647", "4 gradients", "2162400712");
        assertThatCode(() -> ExchangeTransport.requireFrames(plan(shape, 4))).doesNotThrowAnyException();
    }

    @Test
    void aFrameIsAsLongAsItsGradients() {
        NetworkShape shape = new NetworkShape(100, 3, 2);
        assertThat(ExchangeTransport.requireFrame(plan(shape, 8), 5)).isEqualTo(40 + 5 * (24 + 2 * 8 + 4 * 311));
    }

    @Test
    void aRunOfNeighboursIsNeverMoreNodesThanThought() {
        for (int shards = 1; shards <= 66; shards++) {
            int most = 0;
            for (int low = 0; low < shards; low++) {
                for (int high = low + 1; high <= shards; high++) {
                    BitSet run = new BitSet();
                    run.set(low, high);
                    most = Math.max(most, ReductionTree.nodes(shards, run).size());
                }
            }
            int bound = ReductionTree.mostNodesOfNeighbours(shards);
            assertThat(most).as("%d shards", shards).isBetween(bound - 1, bound);
            if (Integer.bitCount(shards) == 1) {
                assertThat(most).as("%d shards", shards).isEqualTo(bound);
            }
        }
    }

    private StepPlan plan(NetworkShape shape, int shards) {
        StepPlan small = SmallSet.in(directory, Storage.PLAIN).plan(shards, 10, Sampling.REPLACEMENT, 0);
        return new StepPlan(
                shape,
                small.activation(),
                small.loss(),
                small.kernel(),
                small.method(),
                small.sampling(),
                small.batchSize(),
                small.seed(),
                small.holdout(),
                shards,
                small.train(),
                small.test());
    }
}
