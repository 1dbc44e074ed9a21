package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Frames over real sockets come through whole and in order, however Spark encrypts them and however slowly they are read. */
class ExchangeWireTest {
    private static final long SEED = 71;
    private static final int BLOCK_BYTES = 1 << 16;
    private static final int SIGNS = 200;

    /** What makes frames of up to three blocks, and of any size, with the borders of blocks in the middle of both pieces. */
    private static final int[] LENGTHS = {
        FrameLayout.HEADER_BYTES,
        BLOCK_BYTES - 1,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        100_000,
        2 * BLOCK_BYTES - 1,
        2 * BLOCK_BYTES,
        2 * BLOCK_BYTES + 1,
        157_640,
        3 * BLOCK_BYTES,
        5_000_000
    };

    /** How Spark protects connections. */
    enum Protection {
        NONE(Map.of()),
        AUTHENTICATED(Map.of("spark.network.crypto.enabled", "false")),
        SASL(Map.of(
                "spark.network.crypto.enabled", "false",
                "spark.authenticate.enableSaslEncryption", "true")),
        /** With AES/GCM, Spark 4.1.0 loses every message of a connection but the first, its own too (SPARK-56227). */
        AES(Map.of("spark.network.crypto.enabled", "true", "spark.network.crypto.cipher", "AES/CTR/NoPadding"));

        private final Map<String, String> settings;

        Protection(Map<String, String> settings) {
            this.settings = settings;
        }

        SparkConf conf() {
            SparkConf conf = SmallSet.spark("local[1]").set("spark.driver.host", "127.0.0.1");
            if (this != NONE) {
                conf.set("spark.authenticate", "true").set("spark.authenticate.secret", "of-this-test-alone");
            }
            settings.forEach(conf::set);
            return conf;
        }
    }

    /** Reads nothing until it may, and keeps a frame's sum and first number. */
    private static final class Slow implements Wire.Listener {
        final CountDownLatch mayRead = new CountDownLatch(1);
        final CompletableFuture<Wire> first = new CompletableFuture<>();
        final BlockingQueue<String> found = new LinkedBlockingQueue<>();
        volatile int signs;

        @Override
        public void received(Wire wire, ByteBuffer frame) {
            if (first.complete(wire)) {
                return;
            }
            try {
                assertThat(mayRead.await(60, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            if (frame.getInt(FrameLayout.TYPE_OFFSET) == FrameLayout.ALIVE) {
                signs++;
            } else {
                found.add(text(frame));
            }
        }

        @Override
        public void closed(Wire wire) {
            found.add("closed");
        }
    }

    private static String text(ByteBuffer frame) {
        CRC32 sum = new CRC32();
        sum.update(frame.duplicate().position(0));
        return frame.getInt(FrameLayout.COUNT_OFFSET) + ": " + frame.limit() + " bytes, sum " + sum.getValue();
    }

    /** Sends frames of all lengths in two pieces, while another thread gives signs of life; returns what is to arrive. */
    private static String[] send(Wire wire, Random random) throws InterruptedException {
        Thread signs = new Thread(() -> {
            ByteBuffer alive = FrameLayout.bare(FrameLayout.ALIVE);
            for (int i = 0; i < SIGNS; i++) {
                wire.send(alive, null);
                Thread.yield();
            }
        });
        signs.start();
        String[] expected = new String[LENGTHS.length];
        for (int i = 0; i < LENGTHS.length; i++) {
            byte[] body = new byte[LENGTHS[i] - FrameLayout.HEADER_BYTES];
            random.nextBytes(body);
            int headBytes = body.length == 0 ? 0 : random.nextInt(body.length);
            ByteBuffer head = FrameLayout.room(FrameLayout.HEADER_BYTES + headBytes);
            FrameLayout.start(head, FrameLayout.GRADIENT, 0, i, -1, -1, 0);
            FrameLayout.end(head.put(body, 0, headBytes), body.length - headBytes);
            ByteBuffer whole = FrameLayout.room(LENGTHS[i])
                    .put(head.duplicate())
                    .put(body, headBytes, body.length - headBytes)
                    .flip();
            expected[i] = text(whole);
            wire.send(
                    head, body.length == headBytes ? null : ByteBuffer.wrap(body, headBytes, body.length - headBytes));
        }
        signs.join();
        return expected;
    }

    private static void assertArrives(Slow listener, String[] expected) throws InterruptedException {
        for (String frame : expected) {
            assertThat(listener.found.poll(30, TimeUnit.SECONDS)).isEqualTo(frame);
        }
        Await.until(() -> "signs of life: " + listener.signs, () -> listener.signs == SIGNS);
    }

    @ParameterizedTest
    @EnumSource(Protection.class)
    void framesOfAnyLengthArriveWholeAndInOrder(Protection protection) throws Exception {
        Random random = new Random(SEED);
        Slow below = new Slow();
        Slow above = new Slow();
        try (JavaSparkContext spark = new JavaSparkContext(protection.conf())) {
            RunTicket ticket = RunTicket.fresh("127.0.0.1", ExchangeSettings.DEFAULT, false);
            try (ExchangeDoor door =
                            new ExchangeDoor(spark.getConf(), ticket, "127.0.0.1", 0, 1, above, Integer.MAX_VALUE);
                    ExchangeConnector connector = new ExchangeConnector(spark.getConf(), ticket, Integer.MAX_VALUE)) {
                Wire up = connector.connect("127.0.0.1", door.port(), below);
                up.send(FrameLayout.bare(FrameLayout.READY), null);
                Wire down = above.first.get(30, TimeUnit.SECONDS);
                below.first.complete(up);
                String[] upwards = send(up, random);
                String[] downwards = send(down, random);
                above.mayRead.countDown();
                below.mayRead.countDown();
                assertArrives(above, upwards);
                assertArrives(below, downwards);
            }
        }
    }

    /** Encryption asks for as much as it has room for. */
    @Test
    void aRegionIsTakenInPieces() throws IOException {
        Random random = new Random(SEED);
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[random.nextInt(50)];
            random.nextBytes(bytes);
            int headBytes = random.nextInt(bytes.length + 1);
            ByteBuffer head = ByteBuffer.wrap(bytes, 0, headBytes);
            boolean isWhole = headBytes == bytes.length;
            FrameRegion region =
                    new FrameRegion(head, isWhole ? null : ByteBuffer.wrap(bytes, headBytes, bytes.length - headBytes));
            ByteBuffer taken = ByteBuffer.allocate(bytes.length);
            while (region.transferred() < region.count()) {
                assertThat(region.count()).isEqualTo(bytes.length);
                try (var channel = new PieceChannel(taken, 1 + random.nextInt(20))) {
                    long before = region.transferred();
                    assertThat(region.transferTo(channel, before))
                            .isEqualTo(region.transferred() - before)
                            .isPositive();
                }
            }
            assertThat(taken.array()).as("seed %d, region %d", SEED, i).isEqualTo(bytes);
            assertThat(head.remaining()).as("the sender's buffer").isEqualTo(headBytes);
            assertThat(region.release()).isTrue();
        }
    }

    /** Takes so many bytes, and no more. */
    private static final class PieceChannel implements java.nio.channels.WritableByteChannel {
        private final ByteBuffer into;
        private int room;

        PieceChannel(ByteBuffer into, int room) {
            this.into = into;
            this.room = room;
        }

        @Override
        public int write(ByteBuffer from) {
            int bytes = Math.min(room, from.remaining());
            into.put(from.slice().limit(bytes));
            from.position(from.position() + bytes);
            room -= bytes;
            return bytes;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {
            // There is nothing to close.
        }
    }
}
