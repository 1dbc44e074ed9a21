package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.FloatMatrix;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import dev.lockstep.net.Score;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What workers deliver, right and wrong, held against the coordinator that it goes to. */
@ExtendWith(LeakCheck.class)
class ExchangeDeliveriesTest {
    private static final long SEED = 99;
    private static final int SHARDS = 8;
    private static final int BATCH = 16;
    private static final Node LEFT = new Node(0, 4);
    private static final Node RIGHT = new Node(4, 8);
    private static final Node ALL = new Node(0, SHARDS);

    @TempDir
    Path directory;

    private StepPlan plan;
    private Coordinator coordinator;
    private ExchangeDeliveries deliveries;
    private Parameters values;

    /** A member that the test speaks for. */
    private static final class Mute implements Coordinator.Link {
        @Override
        public void load(List<Node> nodes) {}

        @Override
        public void order(Coordinator.Round round, Route route) {}

        @Override
        public void over() {}
    }

    @BeforeEach
    void create() {
        plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, BATCH, Sampling.EPOCH, 0);
        coordinator = new Coordinator(plan);
        deliveries = new ExchangeDeliveries(plan, coordinator);
        values = RandomNet.parameters(plan.shape(), 1, new Random(SEED));
        for (int member = 0; member < 2; member++) {
            coordinator.join("member", new Mute(), given -> {});
            coordinator.ready(member);
        }
    }

    @AfterEach
    void free() {
        deliveries.close();
        values.close();
    }

    private void begin(long number, Work.Kind kind) {
        coordinator.begin(new Coordinator.Round(number, kind, number, Split.TEST, null));
    }

    private void take(int member, ByteBuffer message) {
        deliveries.take(member, FrameLayout.open(message));
    }

    @Test
    void gradientsAreTakenAsTheyWereSent() {
        begin(0, Work.Kind.GRADIENT);
        take(0, ExchangeFrames.gradient(0, 0, 5, values, LEFT));
        take(1, ExchangeFrames.gradient(1, 0, 0, values, RIGHT));
        coordinator.idle(1);
        assertThat(coordinator.isComplete()).isTrue();
        GradientPart left = coordinator.parts().get(LEFT);
        assertThat(left.rows()).isEqualTo(5);
        assertThat(left.lossSum()).isEqualTo(0.5);
        RandomNet.assertSameBits("left", left.values(), values);
        assertThat(coordinator.parts().get(RIGHT).rows()).isZero();
    }

    /** What a worker sends, and how much of it. */
    @Test
    void rowsOfAGradientThatAreZeroDoNotTravel() {
        PartsWriter writer = new PartsWriter(plan);
        try (GradientPart part = new GradientPart(LEFT.low(), LEFT.high(), values.copy())) {
            part.set(5, 0.5);
            int whole = writer.gradients(FrameLayout.room(0), 0, 0, List.of(LEFT), node -> part)
                    .remaining();
            FloatMatrix w1 = part.values().w1();
            int rows = 0;
            for (int row = 1; row < w1.rows(); row += 3, rows++) {
                w1.data().slice(row * w1.stride(), w1.stride()).fill(0f);
            }
            ByteBuffer frame = writer.gradients(FrameLayout.room(0), 0, 0, List.of(LEFT), node -> part);
            assertThat(rows).isPositive();
            assertThat(whole - frame.remaining())
                    .as("bytes of %d rows", rows)
                    .isEqualTo(rows * plan.shape().hidden() * Float.BYTES);
            begin(0, Work.Kind.GRADIENT);
            take(0, frame);
            RandomNet.assertSameBits("left", coordinator.parts().get(LEFT).values(), part.values());
        }
    }

    /** The room of a node is used again: what came before must not shine through. */
    @Test
    void rowsThatDidNotTravelAreZero() {
        try (Parameters sparse = new Parameters(plan.shape())) {
            sparse.all().set(3 * plan.shape().paddedHidden(), -0f);
            begin(0, Work.Kind.GRADIENT);
            take(0, ExchangeFrames.gradient(0, 0, 5, values, LEFT));
            begin(1, Work.Kind.GRADIENT);
            take(0, ExchangeFrames.gradient(0, 1, 5, sparse, LEFT));
            RandomNet.assertSameBits("sparse", coordinator.parts().get(LEFT).values(), sparse);
        }
    }

    @Test
    void scoresAndReportsAreTakenByShard() {
        begin(0, Work.Kind.SCORE);
        take(1, ExchangeFrames.scores(1, 0, SmallSet.CLASSES, RIGHT));
        for (int shard = 4; shard < 8; shard++) {
            Score expected = ExchangeFrames.score(SmallSet.CLASSES, shard);
            Score found = coordinator.results()[shard].score();
            assertThat(found).usingRecursiveComparison().isEqualTo(expected);
        }
        begin(1, Work.Kind.REPORT);
        take(0, ExchangeFrames.reports(0, 1, LEFT));
        for (int shard = 0; shard < 4; shard++) {
            assertThat(coordinator.results()[shard].report())
                    .isEqualTo(new LoadReport(~(long) shard, (long) shard << 32, shard));
        }
    }

    @Test
    void whatIsNotWantedIsReadOverAndTheRestTaken() {
        begin(7, Work.Kind.GRADIENT);
        take(0, ExchangeFrames.gradient(0, 7, 3, values, RIGHT, LEFT, LEFT, ALL));
        take(0, ExchangeFrames.gradient(0, 6, 3, values, LEFT));
        take(0, ExchangeFrames.scores(0, 6, SmallSet.CLASSES, LEFT));
        assertThat(coordinator.parts()).containsOnlyKeys(LEFT);
        assertThat(coordinator.refusedCount()).isEqualTo(5);
    }

    private void assertRefused(String message, ByteBuffer frame) {
        assertThatExceptionOfType(MalformedFrameException.class)
                .isThrownBy(() -> take(0, frame))
                .withMessageContaining(message);
        assertNothingTaken(message);
    }

    private void assertNothingTaken(String what) {
        assertThat(coordinator.parts()).as(what).isEmpty();
        assertThat(coordinator.refusedCount()).as(what).isZero();
        assertThat(coordinator.missing()).as(what).contains("[0, 4)", "[4, 8)");
    }

    @Test
    void oneMalformedNodeSpoilsTheFrame() {
        begin(0, Work.Kind.GRADIENT);
        assertRefused("[4, 9)", ExchangeFrames.gradient(0, 0, 3, values, LEFT, new Node(4, 9)));
        assertRefused("[-1, 2)", ExchangeFrames.gradient(0, 0, 3, values, LEFT, new Node(-1, 2)));
        assertRefused("[2, 2)", ExchangeFrames.gradient(0, 0, 3, values, LEFT, new Node(2, 2)));
        assertRefused("found 17", ExchangeFrames.gradient(0, 0, BATCH + 1, values, LEFT));
        assertRefused("found -1", ExchangeFrames.gradient(0, 0, -1, values, LEFT));
        ByteBuffer beyond = ExchangeFrames.gradient(0, 0, 3, values, LEFT);
        beyond.put(FrameLayout.HEADER_BYTES + FrameLayout.GRADIENT_NODE_BYTES + 7, (byte) 0x80); // row 63 of 30
        assertRefused("bits beyond the last row", beyond);
    }

    @Test
    void whatTheRoundDoesNotAskForIsRefused() {
        begin(0, Work.Kind.GRADIENT);
        assertRefused("expected GRADIENT, found SCORE", ExchangeFrames.scores(0, 0, SmallSet.CLASSES, LEFT));
        assertRefused("expected GRADIENT, found REPORT", ExchangeFrames.reports(0, 0, LEFT));
        assertRefused("type of a delivery: found 4", ExchangeFrames.empty(FrameLayout.LOAD, 0));
        assertRefused("found 0", ExchangeFrames.empty(FrameLayout.GRADIENT, 0));
        begin(1, Work.Kind.SCORE);
        assertRefused("expected SCORE, found GRADIENT", ExchangeFrames.gradient(0, 1, 3, values, LEFT));
    }

    @Test
    void spoiledFramesAreRefusedAndNothingElseIsThrown() {
        Random random = new Random(SEED);
        Work.Kind[] kinds = {Work.Kind.GRADIENT, Work.Kind.SCORE, Work.Kind.REPORT};
        for (int i = 0; i < 6_000; i++) {
            begin(i, kinds[i % kinds.length]);
            ByteBuffer whole = switch (kinds[i % kinds.length]) {
                case GRADIENT -> ExchangeFrames.gradient(0, i, 3, values, LEFT, RIGHT);
                case SCORE -> ExchangeFrames.scores(0, i, SmallSet.CLASSES, LEFT, RIGHT);
                default -> ExchangeFrames.reports(0, i, LEFT, RIGHT);
            };
            String what = "seed " + SEED + ", frame " + i;
            ByteBuffer spoiled = ExchangeFrames.spoil(whole, random);
            assertThat(catchThrowable(() -> take(0, spoiled))).as(what).isInstanceOf(MalformedFrameException.class);
            assertNothingTaken(what);
        }
    }

    /** Bits flipped anywhere may make another frame that is right; but nothing worse than a refusal comes of it. */
    @Test
    void randomBytesAreTakenOrRefused() {
        Random random = new Random(SEED);
        for (int i = 0; i < 6_000; i++) {
            begin(i, Work.Kind.GRADIENT);
            ByteBuffer frame = ExchangeFrames.gradient(0, i, 3, values, LEFT);
            byte[] bytes = new byte[frame.remaining()];
            frame.get(bytes);
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                int limit = random.nextBoolean() ? bytes.length : FrameLayout.HEADER_BYTES + 40;
                bytes[random.nextInt(limit)] = (byte) random.nextInt();
            }
            ByteBuffer spoiled = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            Throwable thrown = catchThrowable(() -> take(0, spoiled));
            if (thrown != null) {
                assertThat(thrown).as("seed %d, frame %d", SEED, i).isInstanceOf(MalformedFrameException.class);
                assertThat(coordinator.parts()).isEmpty();
            }
        }
    }
}
