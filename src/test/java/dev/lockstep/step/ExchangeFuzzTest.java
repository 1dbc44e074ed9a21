package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.memory.MemoryGauge;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * A million frames that are random, spoiled, replayed, out of order, of any length and split anywhere, against both ends of
 * the exchange in process, and some over real sockets: no exception but that of a malformed frame, no memory that stays, and
 * the rounds that an honest worker does meanwhile come out as always.
 */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
@Timeout(180)
class ExchangeFuzzTest {
    private static final long SEED = 20;
    private static final int SHARDS = 8;
    private static final Node ALL = new Node(0, SHARDS);
    private static final int FRAMES_TO_DRIVER = 700_000;
    private static final int ORDERS = 150_000;
    private static final int MESSAGES_OF_STRANGERS = 150_000;
    private static final int FRAMES_A_ROUND = 1_000;
    private static final int SOCKETS = 900;
    private static final long GROWTH_BYTES = 16 << 20;

    @TempDir
    Path directory;

    private StepPlan plan;
    private Coordinator coordinator;
    private Parameters values;
    private ExchangeFuzz fuzz;
    private Throwable crash;

    @BeforeEach
    void create() {
        plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 16, Sampling.EPOCH, 0);
        coordinator = new Coordinator(plan);
        values = RandomNet.parameters(plan.shape(), 1, new Random(SEED));
        fuzz = new ExchangeFuzz(SEED, ExchangeTransport.maxFrameBytes(plan));
    }

    @AfterEach
    void free() {
        values.close();
    }

    private static long directBytes() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    private static long heapBytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** What a worker may say, by one that the driver has given this number. */
    private List<ByteBuffer> real(int member, long round) {
        return List.of(
                ExchangeFrames.join("fuzz"),
                ExchangeFrames.join("fuzz", "host", 80),
                ExchangeFrames.ready(member),
                ExchangeFrames.empty(FrameLayout.ALIVE, member),
                ExchangeFrames.gradient(member, round, 3, values, ALL),
                ExchangeFrames.gradient(member, round, 0, values, new Node(0, 4), new Node(4, 8)),
                ExchangeFrames.scores(member, round, SmallSet.CLASSES, new Node(2, 4)),
                ExchangeFrames.reports(member, round, ALL),
                ExchangeFrames.failed(member, "fuzz", false));
    }

    /** Says that a worker's failure is not of the input, which would end the run. */
    private static byte[] harmless(byte[] frame) {
        ByteBuffer numbers = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
        if (frame.length >= FrameLayout.HEADER_BYTES && numbers.getInt(FrameLayout.TYPE_OFFSET) == FrameLayout.FAILED) {
            numbers.putInt(FrameLayout.DETAIL_OFFSET, 0);
        }
        return frame;
    }

    /** Passes on what comes and remembers what must not happen. */
    private record Watched(RemoteMembers members, ExchangeFuzzTest test) implements Wire.Listener {
        @Override
        public void received(Wire wire, ByteBuffer frame) {
            boolean endsTheRun = frame.getInt(FrameLayout.TYPE_OFFSET) == FrameLayout.FAILED
                    && frame.getInt(FrameLayout.DETAIL_OFFSET) == 1;
            if (endsTheRun) { // as a worker may that has read a damaged file
                throw new MalformedFrameException("not part of this test");
            }
            try {
                members.received(wire, frame);
            } catch (MalformedFrameException e) {
                throw e;
            } catch (RuntimeException | Error e) {
                test.crash = e;
                throw e;
            }
        }

        @Override
        public void heard(Wire wire) {
            members.heard(wire);
        }

        @Override
        public void closed(Wire wire) {
            members.closed(wire);
        }
    }

    private EmbeddedChannel wire(RemoteMembers members) {
        EmbeddedChannel channel = new EmbeddedChannel();
        ExchangeWire.over(channel, new Watched(members, this), ExchangeTransport.maxFrameBytes(plan));
        return channel;
    }

    private static void send(EmbeddedChannel channel, byte[] bytes, int from, int to) {
        channel.writeInbound(Unpooled.copiedBuffer(bytes, from, to - from));
        channel.releaseOutbound();
    }

    /** One connection of somebody who knows the secret and nothing else, or has lost its mind. Returns the frames it sent. */
    private int strangeWorker(RemoteMembers members, long round) {
        EmbeddedChannel channel = wire(members);
        int member = (int) coordinator.joinedCount();
        List<ByteBuffer> real = real(member, round - fuzz.below(2));
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        int frames = 1 + fuzz.below(8);
        if (fuzz.below(8) != 0) {
            stream.writeBytes(ExchangeFrames.join("fuzz").array());
        }
        for (int i = 0; i < frames; i++) {
            stream.writeBytes(fuzz.frame(real));
        }
        byte[] bytes = stream.toByteArray();
        for (int at = 0; at < bytes.length && channel.isActive(); ) {
            int end = at + 1 + fuzz.below(fuzz.below(4) == 0 ? 8 : bytes.length - at);
            end = Math.min(end, bytes.length);
            send(channel, bytes, at, end);
            at = end;
        }
        channel.close();
        channel.finishAndReleaseAll();
        return frames;
    }

    @Test
    void nothingThatIsSentToTheDriverHarmsARun() {
        String weightsBefore = values.sha256();
        try (RemoteMembers members = new RemoteMembers(plan, coordinator)) {
            EmbeddedChannel honest = wire(members);
            byte[] join = ExchangeFrames.join("honest").array();
            send(honest, join, 0, join.length);
            byte[] ready = ExchangeFrames.ready(0).array();
            send(honest, ready, 0, ready.length);
            long direct = 0;
            long heap = 0;
            int frames = 0;
            for (long round = 1; frames < FRAMES_TO_DRIVER; round++) {
                coordinator.begin(new Coordinator.Round(round, Work.Kind.GRADIENT, round, null, values));
                for (int end = frames + FRAMES_A_ROUND; frames < end; ) {
                    frames += strangeWorker(members, round);
                    assertThat(crash).as("seed %d, frame %d", SEED, frames).isNull();
                }
                assertThat(coordinator.readyCount())
                        .as("the honest one is left")
                        .isEqualTo(1);
                byte[] gradient =
                        ExchangeFrames.gradient(0, round, 3, values, ALL).array();
                gradient = java.util.Arrays.copyOf(gradient, bodyEnd(gradient));
                send(honest, gradient, 0, gradient.length);
                assertThat(coordinator.isComplete()).as("round %d", round).isTrue();
                RandomNet.assertSameBits(
                        "gradient", coordinator.parts().get(ALL).values(), values);
                if (round == 20) { // by then all code and all room is there
                    direct = directBytes();
                    heap = heapBytes();
                }
            }
            assertThat(heapBytes() - heap).as("growth of the heap").isLessThan(GROWTH_BYTES);
            assertThat(directBytes() - direct).as("growth of direct memory").isLessThan(GROWTH_BYTES);
            assertThat(values.sha256()).isEqualTo(weightsBefore);
            assertThat(coordinator.refusedCount())
                    .as("parts that nobody ordered")
                    .isPositive();
            coordinator.end();
            honest.finishAndReleaseAll();
        }
    }

    private static int bodyEnd(byte[] frame) {
        return FrameLayout.HEADER_BYTES
                + ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).getInt(FrameLayout.BODY_LENGTH_OFFSET);
    }

    @Test
    void ordersAreReadWholeOrRefused() {
        OrderCodec codec = new OrderCodec(plan);
        List<ByteBuffer> real = List.of(
                ExchangeOrders.load(ALL),
                ExchangeOrders.report(1, new Node(0, 4), new Node(4, 8)),
                ExchangeOrders.gradient(1, 1, values, ALL),
                ExchangeOrders.gradient(2, 2, null, new Node(2, 4)),
                ExchangeOrders.score(3, Split.TEST.ordinal(), values, ALL));
        long blocks = MemoryGauge.process().blocksInUse();
        int whole = 0;
        for (int i = 0; i < ORDERS; i++) {
            try {
                codec.read(FrameLayout.open(ByteBuffer.wrap(fuzz.frame(real))));
                whole++;
            } catch (MalformedFrameException e) {
                assertThat(e.getMessage()).as("seed %d, order %d", SEED, i).contains("found");
            }
        }
        assertThat(whole).isBetween(ORDERS / 10, ORDERS * 9 / 10);
        assertThat(MemoryGauge.process().blocksInUse()).isEqualTo(blocks);
    }

    /** A message of Spark's around a frame, as a stranger may send it, some bytes of it wrong. */
    private byte[] message(byte[] frame) {
        ByteBuffer message = ByteBuffer.allocate(21 + frame.length);
        message.putLong(21 + frame.length).put((byte) 3).putLong(7).putInt(frame.length);
        byte[] bytes = message.put(frame).array();
        if (fuzz.below(3) == 0) {
            bytes[fuzz.below(21)] ^= (byte) (1 << fuzz.below(Byte.SIZE));
        }
        return bytes;
    }

    @Test
    void theGuardLetsOnlyShortRequestsThrough() {
        Strangers strangers = new Strangers();
        List<ByteBuffer> real = real(0, 0);
        int messages = 0;
        for (int i = 0; messages < MESSAGES_OF_STRANGERS; i++) {
            EmbeddedChannel channel = new EmbeddedChannel();
            ExchangeGuard.watch(channel, strangers, 10);
            long passed = 0;
            for (int count = 1 + fuzz.below(30); count > 0 && channel.isActive(); count--) {
                byte[] bytes = message(fuzz.frame(real));
                messages++;
                for (int at = 0; at < bytes.length && channel.isActive(); ) {
                    int end = Math.min(bytes.length, at + 1 + fuzz.below(bytes.length));
                    send(channel, bytes, at, end);
                    at = end;
                    for (ByteBuf in = channel.readInbound(); in != null; in = channel.readInbound()) {
                        passed += in.readableBytes();
                        in.release();
                    }
                }
            }
            channel.close();
            channel.finishAndReleaseAll();
            assertThat(passed).as("bytes that passed").isLessThanOrEqualTo(4 * ExchangeGuard.MAX_MESSAGE_BYTES);
            assertThat(strangers.count()).as("seed %d, connection %d", SEED, i).isEqualTo(i + 1);
        }
    }

    @Test
    void nothingThatComesOverASocketHarmsARun() throws IOException, InterruptedException {
        RunTicket ticket = RunTicket.fresh("127.0.0.1", new ExchangeSettings(0, 0, 60, 2), false);
        try (JavaSparkContext spark =
                        new JavaSparkContext(SmallSet.spark("local[1]").set("spark.driver.host", "127.0.0.1"));
                ExchangeServer server = new ExchangeServer(spark.getConf(), ticket, plan, coordinator);
                ExchangeRawClient honest = new ExchangeRawClient(spark.getConf(), server.port())) {
            honest.enter(ticket, "honest").send(ExchangeFrames.ready(honest.member()));
            Await.until(() -> "not ready", () -> coordinator.readyCount() == 1);
            coordinator.begin(new Coordinator.Round(1, Work.Kind.GRADIENT, 1, null, values));
            honest.answer(FrameLayout.GRADIENT);
            List<ByteBuffer> strange = List.of(ExchangeFrames.hello(new byte[RunTicket.SECRET_BYTES]));
            for (int i = 0; i < SOCKETS; i++) {
                try (Socket stranger = new Socket("127.0.0.1", server.port())) {
                    stranger.getOutputStream().write(message(fuzz.frame(strange)));
                }
                if (i % 3 == 0) {
                    overRealWire(spark, server.port(), ticket);
                }
            }
            Await.until(() -> "strangers: " + server.strangers(), () -> server.strangers() == SOCKETS);
            Await.until(() -> "members are left", () -> coordinator.readyCount() == 1);
            honest.send(ExchangeFrames.gradient(honest.member(), 1, 3, values, ALL));
            Await.until(coordinator::missing, coordinator::isComplete);
            RandomNet.assertSameBits("gradient", coordinator.parts().get(ALL).values(), values);
            assertThat(honest.isOpen()).isTrue();
            coordinator.end();
        }
    }

    private void overRealWire(JavaSparkContext spark, int port, RunTicket ticket)
            throws IOException, InterruptedException {
        try (ExchangeRawClient worker = new ExchangeRawClient(spark.getConf(), port)) {
            worker.enter(ticket, "strange");
            List<ByteBuffer> real = real(worker.member(), 1);
            for (int frames = 1 + fuzz.below(8); frames > 0 && worker.isOpen(); frames--) {
                worker.send(ByteBuffer.wrap(harmless(fuzz.frame(real))));
            }
        }
    }
}
