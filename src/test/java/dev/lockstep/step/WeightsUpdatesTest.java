package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Readers that apply what they are told have the driver's weights, bit for bit, whichever rounds they miss. */
@ExtendWith(LeakCheck.class)
class WeightsUpdatesTest {
    private static final long SEED = 77;
    private static final int RUNS = 120;
    private static final int ROUNDS = 40;

    /** A worker's copy, and its view of the updates. */
    private static final class Worker implements AutoCloseable {
        final ParameterCodec codec;
        final Parameters copy;
        final WeightsUpdates.Reader reader;
        long version;

        Worker(WeightsUpdates updates, NetworkShape shape) {
            this.codec = new ParameterCodec(shape, KernelChoice.AUTO.kernels());
            this.copy = RandomNet.parameters(shape, 1, new Random(SEED)); // nothing that it could know
            this.reader = updates.newReader();
        }

        /** Returns the bytes that travelled. */
        int follow(Coordinator.Round round, String what) {
            WeightsUpdate told = reader.next(round);
            ByteBuffer update = told.form();
            assertThat(told.base() == 0 || told.base() == version).as(what).isTrue();
            assertThat(update == null).as(what).isEqualTo(told.base() == told.version());
            version = told.version();
            int bytes = 0;
            if (update != null) {
                update.order(ByteOrder.LITTLE_ENDIAN);
                bytes = update.remaining();
                assertThat(codec.length(update)).as(what).isEqualTo(bytes);
                codec.read(update, copy, false);
            }
            RandomNet.assertSameBits(what, copy, round.weights());
            return bytes;
        }

        @Override
        public void close() {
            copy.close();
        }
    }

    private static Coordinator.Round round(long number, Parameters weights) {
        return new Coordinator.Round(number, Work.Kind.GRADIENT, number, null, weights);
    }

    private static void change(Parameters weights, Random random) {
        NetworkShape shape = weights.shape();
        int stride = shape.paddedHidden();
        switch (random.nextInt(6)) {
            case 0 -> {}
            case 1 -> weights.b2().set(random.nextInt(shape.outputs()), random.nextFloat());
            case 2 -> { // from 0.0 to -0.0 or back
                int at = random.nextInt(shape.inputs()) * stride + random.nextInt(shape.hidden());
                boolean isPositiveZero = Float.floatToRawIntBits(weights.all().get(at)) == 0;
                weights.all().set(at, isPositiveZero ? -0f : 0f);
            }
            case 3 -> {
                try (Parameters all = RandomNet.parameters(shape, 1, random)) {
                    weights.copyFrom(all);
                }
            }
            default -> {
                for (int row = 0; row < shape.inputs() + 1; row++) {
                    if (random.nextInt(3) == 0) {
                        weights.all().set(row * stride + random.nextInt(shape.hidden()), random.nextFloat());
                    }
                }
            }
        }
    }

    @Test
    void readersThatMissAnyRoundsHaveTheDriversBits() {
        for (long seed = SEED; seed < SEED + RUNS; seed++) {
            Random random = new Random(seed);
            NetworkShape shape =
                    new NetworkShape(1 + random.nextInt(150), 1 + random.nextInt(20), 1 + random.nextInt(5));
            List<Worker> workers = new ArrayList<>();
            try (WeightsUpdates updates = new WeightsUpdates(shape, KernelChoice.AUTO.kernels());
                    Parameters weights = RandomNet.parameters(shape, 1, random)) {
                long number = 0;
                for (int r = 0; r < ROUNDS; r++) {
                    number += 1 + random.nextInt(2); // rounds without weights in between
                    if (workers.size() < 5 && random.nextInt(4) == 0) {
                        workers.add(new Worker(updates, shape));
                    }
                    for (Worker worker : workers) {
                        if (random.nextInt(3) > 0) {
                            worker.follow(round(number, weights), "seed " + seed + ", round " + number);
                        }
                    }
                    change(weights, random);
                }
            } finally {
                workers.forEach(Worker::close);
            }
        }
    }

    @Test
    void onlyRowsThatChangedTravelToThoseWhoKnowTheRest() {
        NetworkShape shape = new NetworkShape(100, 8, 3);
        int tail = 2 * 8 + 4 * (8 + 24 + 3); // the mask, b1, W2, b2
        try (WeightsUpdates updates = new WeightsUpdates(shape, KernelChoice.AUTO.kernels());
                Parameters weights = RandomNet.parameters(shape, 1, new Random(SEED));
                Worker one = new Worker(updates, shape);
                Worker two = new Worker(updates, shape)) {
            int everything = tail + 100 * 32;
            assertThat(one.follow(round(0, weights), "first")).isEqualTo(everything);
            assertThat(two.follow(round(0, weights), "first")).isEqualTo(everything);
            weights.w1().data().set(3 * shape.paddedHidden(), 5f);
            weights.w1().data().set(99 * shape.paddedHidden() + 7, 5f);
            assertThat(one.follow(round(1, weights), "two rows")).isEqualTo(tail + 2 * 32);
            assertThat(one.follow(round(2, weights), "nothing")).isZero();
            weights.b1().set(0, 5f);
            assertThat(one.follow(round(3, weights), "b1")).isEqualTo(tail);
            assertThat(two.follow(round(3, weights), "missed two")).isEqualTo(everything);
            assertThat(one.follow(round(3, weights), "again in the same round")).isZero();
        }
    }

    /** The round after a change says that nothing changed; to one who missed the change that would be a lie. */
    @Test
    void whoMissedTheLatestChangeGetsEverythingThoughNothingHasChangedSince() {
        NetworkShape shape = new NetworkShape(10, 2, 2);
        try (WeightsUpdates updates = new WeightsUpdates(shape, KernelChoice.AUTO.kernels());
                Parameters weights = RandomNet.parameters(shape, 1, new Random(SEED));
                Worker one = new Worker(updates, shape);
                Worker two = new Worker(updates, shape)) {
            one.follow(round(0, weights), "first");
            two.follow(round(0, weights), "first");
            weights.w1().data().set(0, 9f);
            one.follow(round(1, weights), "changed");
            one.follow(round(2, weights), "unchanged");
            two.follow(round(2, weights), "missed round 1");
        }
    }

    @Test
    void aChangeBackToWhatItWasIsAChange() {
        NetworkShape shape = new NetworkShape(3, 2, 2);
        try (WeightsUpdates updates = new WeightsUpdates(shape, KernelChoice.AUTO.kernels());
                Parameters weights = new Parameters(shape);
                Worker worker = new Worker(updates, shape)) {
            worker.follow(round(0, weights), "zeros");
            weights.b2().set(1, -0f);
            assertThat(worker.follow(round(1, weights), "-0.0 in b2")).isPositive();
            weights.b2().set(1, 0f);
            assertThat(worker.follow(round(2, weights), "0.0 again")).isPositive();
        }
    }
}
