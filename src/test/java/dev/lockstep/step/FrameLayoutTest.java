package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bytes of frames, as both ends write them, held against files of hexadecimal digits. Each line of a file begins with
 * what the numbers are, before a colon.
 */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class FrameLayoutTest {
    private static final long SEED = 3;
    private static final int SHARDS = 2;
    private static final Node ALL = new Node(0, SHARDS);
    private static final RunTicket TICKET = ticket();

    private static JavaSparkContext spark;

    @TempDir
    Path directory;

    @BeforeAll
    static void start() {
        spark = new JavaSparkContext(SmallSet.spark("local[1]").set("spark.driver.host", "127.0.0.1"));
    }

    @AfterAll
    static void stop() {
        spark.close();
    }

    private static RunTicket ticket() {
        byte[] secret = new byte[RunTicket.SECRET_BYTES];
        for (int i = 0; i < secret.length; i++) {
            secret[i] = (byte) (0xA0 + i);
        }
        return new RunTicket("golden", secret, "127.0.0.1", 0, ExchangeSettings.DEFAULT, false);
    }

    private static byte[] golden(String name) {
        try (InputStream in = FrameLayoutTest.class.getResourceAsStream("frames/" + name + ".hex")) {
            assertThat(in).as("frames/%s.hex", name).isNotNull();
            StringBuilder digits = new StringBuilder();
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                digits.append(line.substring(line.indexOf(':') + 1).replace(" ", ""));
            }
            return HexFormat.of().parseHex(digits);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertGolden(String name, ByteBuffer frame) {
        byte[] found = new byte[frame.remaining()];
        frame.get(frame.position(), found);
        assertThat(HexFormat.of().formatHex(found))
                .as("frames/%s.hex", name)
                .isEqualTo(HexFormat.of().formatHex(golden(name)));
    }

    private StepPlan plan(int hidden) {
        StepPlan plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 16, Sampling.EPOCH, 31);
        NetworkShape shape = new NetworkShape(plan.shape().inputs(), hidden, SmallSet.CLASSES);
        return withShape(plan, shape);
    }

    private static StepPlan withShape(StepPlan plan, NetworkShape shape) {
        return new StepPlan(
                shape,
                plan.activation(),
                plan.loss(),
                plan.kernel(),
                plan.method(),
                plan.sampling(),
                plan.batchSize(),
                plan.seed(),
                plan.holdout(),
                plan.shards(),
                plan.train(),
                plan.test());
    }

    /** Weights whose gradient needs no exponential but that of 0: W2 alone is not zero. */
    private static Parameters simpleWeights(NetworkShape shape) {
        Parameters weights = new Parameters(shape);
        for (int k = 0; k < shape.outputs(); k++) {
            weights.w2t().data().set(k * shape.paddedHidden(), 0.5f * (k + 1));
        }
        return weights;
    }

    @Test
    void aWorkersFrames() throws Exception {
        StepPlan plan = plan(1);
        try (ExchangeFakeDriver driver = new ExchangeFakeDriver(spark.getConf(), TICKET);
                Parameters weights = simpleWeights(plan.shape())) {
            Hub hub = Hub.enter(driver.ticket(), plan, SmallSet.conf());
            Thread task = new Thread(() -> hub.team().work(() -> false));
            task.start();
            assertGolden("join", driver.request(FrameLayout.JOIN));
            driver.answer(ExchangeOrders.load(ALL));
            assertGolden("ready", driver.request(FrameLayout.READY));
            driver.answer(ExchangeOrders.report(3, new Node(1, 2)));
            assertGolden("report", driver.request(FrameLayout.REPORT));
            driver.answer(ExchangeOrders.gradient(4, 100, weights, ALL));
            assertGolden("gradient", driver.request(FrameLayout.GRADIENT));
            driver.answer(ExchangeOrders.score(5, Split.TEST.ordinal(), null, ALL));
            assertGolden("score", driver.request(FrameLayout.SCORE));
            driver.answer(ExchangeOrders.over());
            task.join();
            hub.exit();
        }
    }

    @Test
    void aWorkersFrameOfBadInput() throws Exception {
        StepPlan plan = plan(1);
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 3] = 77;
        Files.write(labels, content);
        try (ExchangeFakeDriver driver = new ExchangeFakeDriver(spark.getConf(), TICKET)) {
            Hub hub = Hub.enter(driver.ticket(), plan, SmallSet.conf());
            Thread task = new Thread(() -> hub.team().work(() -> false));
            task.start();
            driver.request(FrameLayout.JOIN);
            driver.answer(ExchangeOrders.load(ALL));
            assertGolden("failed", withText("bad input", driver.request(FrameLayout.FAILED)));
            driver.answer(ExchangeOrders.over());
            task.join();
            hub.exit();
        }
    }

    /** What the text says is not for here to pin; the lengths are those of the text. */
    private static ByteBuffer withText(String text, ByteBuffer frame) {
        int length = frame.limit() - FrameLayout.HEADER_BYTES;
        assertThat(frame.getInt(FrameLayout.COUNT_OFFSET)).isEqualTo(length);
        assertThat(frame.getInt(FrameLayout.BODY_LENGTH_OFFSET)).isEqualTo(length);
        byte[] other = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer copy = ByteBuffer.allocate(FrameLayout.HEADER_BYTES + other.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(0, frame, 0, FrameLayout.HEADER_BYTES)
                .put(FrameLayout.HEADER_BYTES, other);
        return copy.putInt(FrameLayout.COUNT_OFFSET, other.length).putInt(FrameLayout.BODY_LENGTH_OFFSET, other.length);
    }

    @Test
    void theDriversFrames() throws Exception {
        StepPlan plan = withShape(plan(1), new NetworkShape(3, 2, 2));
        Coordinator coordinator = new Coordinator(plan);
        try (Parameters weights = new Parameters(plan.shape());
                ExchangeServer server = new ExchangeServer(spark.getConf(), TICKET, plan, coordinator);
                ExchangeRawClient client = new ExchangeRawClient(spark.getConf(), server.port())) {
            assertGolden("hello", ExchangeFrames.hello(TICKET.secret()));
            client.send(ByteBuffer.wrap(golden("hello")));
            assertGolden("welcome", client.answer(FrameLayout.WELCOME));
            client.send(ExchangeFrames.join("golden"));
            assertGolden("load", client.answer(FrameLayout.LOAD));
            client.send(ExchangeFrames.ready(0));
            Await.until(() -> "not ready", () -> coordinator.readyCount() == 1);
            for (int i = 0; i < weights.shape().parameters(); i++) {
                int row = i / 2;
                weights.all().set(row * plan.shape().paddedHidden() + i % 2, i - 4 + 0.5f);
            }
            coordinator.begin(new Coordinator.Round(6, Work.Kind.GRADIENT, 41, null, weights));
            assertGolden("order_gradient_everything", client.answer(FrameLayout.GRADIENT));
            client.send(ExchangeFrames.gradient(0, 6, 3, weights, ALL));
            Await.until(coordinator::missing, coordinator::isComplete);
            weights.w1().data().set(plan.shape().paddedHidden(), -0f);
            coordinator.begin(new Coordinator.Round(7, Work.Kind.GRADIENT, 42, null, weights));
            assertGolden("order_gradient_one_row", client.answer(FrameLayout.GRADIENT));
            client.send(ExchangeFrames.gradient(0, 7, 3, weights, ALL));
            Await.until(coordinator::missing, coordinator::isComplete);
            coordinator.begin(new Coordinator.Round(8, Work.Kind.SCORE, -1, Split.TEST, weights));
            assertGolden("order_score_nothing", client.answer(FrameLayout.SCORE));
            coordinator.end();
            client.send(ExchangeFrames.scores(0, 8, 2, ALL));
            assertGolden("over", client.answer(FrameLayout.OVER));
        }
    }

    /** As the driver writes it, and as every worker on the way does for those below. */
    @Test
    void anOrderForWorkersBelow() {
        StepPlan plan = plan(1);
        Route last = new Route(4, new Route.Address("b", 1), List.of(new Node(0, 1)), List.of());
        Route next = new Route(3, new Route.Address("127.0.0.1", 8080), List.of(new Node(1, 2)), List.of(last));
        Route route = new Route(2, null, List.of(new Node(0, 1)), List.of(next));
        Coordinator.Round round = new Coordinator.Round(6, Work.Kind.GRADIENT, 41, null, null, 1000);
        ByteBuffer order = OrderCodec.write(FrameLayout.NOTHING, round, route, new WeightsUpdate(9, 9, null));
        assertGolden("order_gradient_below", order);
        OrderCodec.Order read = new OrderCodec(plan).read(FrameLayout.open(order));
        assertThat(read.route()).isEqualTo(route);
        assertThat(read.round()).isEqualTo(round);
    }

    @Test
    void aSignOfLife() throws InterruptedException {
        BlockingQueue<ByteBuffer> sent = new LinkedBlockingQueue<>();
        Wire wire = new Wire() {
            @Override
            public void send(ByteBuffer head, ByteBuffer rest) {
                sent.add(head);
            }

            @Override
            public void close() {}
        };
        try (SignsOfLife signs = new SignsOfLife(wire, 1)) {
            signs.begin(7);
            ByteBuffer frame = sent.poll(60, TimeUnit.SECONDS);
            assertThat(frame).as("sent in time").isNotNull();
            assertGolden("alive", frame);
        }
    }

    private static void assertRefused(String message, ByteBuffer frame) {
        assertThatExceptionOfType(MalformedFrameException.class)
                .isThrownBy(() -> FrameLayout.open(frame))
                .withMessage(message);
    }

    @Test
    void whatIsNoFrameIsRefused() {
        ByteBuffer ready = ByteBuffer.wrap(golden("ready")).order(ByteOrder.LITTLE_ENDIAN);
        assertRefused("length: expected 40, found 39", ready.duplicate().limit(39));
        assertRefused("length: expected 40, found 0", ByteBuffer.allocate(0));
        assertRefused("magic: expected 827542348, found 0", ByteBuffer.allocate(40));
        ByteBuffer more = ByteBuffer.allocate(41).put(ready.duplicate()).clear();
        assertRefused("body length: expected 1, found 0", more);
        ByteBuffer less = ByteBuffer.wrap(golden("ready")).order(ByteOrder.LITTLE_ENDIAN);
        assertRefused("body length: expected 0, found -1", less.putInt(FrameLayout.BODY_LENGTH_OFFSET, -1));
        less.putInt(FrameLayout.BODY_LENGTH_OFFSET, Integer.MAX_VALUE);
        assertRefused("body length: expected 0, found 2147483647", less);
    }

    @Test
    void aFrameIsReadWhereverItLies() {
        byte[] ready = golden("ready");
        ByteBuffer longer = ByteBuffer.allocateDirect(ready.length + 20).position(7);
        longer.put(ready).limit(longer.position()).position(7);
        ByteBuffer frame = FrameLayout.open(longer);
        assertThat(frame.getInt(FrameLayout.TYPE_OFFSET)).isEqualTo(FrameLayout.READY);
        assertThat(frame.position()).isEqualTo(FrameLayout.HEADER_BYTES);
        assertThat(longer.position()).as("the message is left as it is").isEqualTo(7);
    }

    @Test
    void randomBytesAreAFrameOrRefused() {
        Random random = new Random(SEED);
        for (int i = 0; i < 2_000; i++) {
            byte[] bytes = i % 2 == 0 ? golden("report") : new byte[random.nextInt(100)];
            for (int flips = random.nextInt(5); flips > 0 && bytes.length > 0; flips--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                assertThat(FrameLayout.open(ByteBuffer.wrap(bytes)).remaining())
                        .isEqualTo(bytes.length - FrameLayout.HEADER_BYTES);
            } catch (MalformedFrameException e) {
                assertThat(e.getMessage()).as("seed %d, %d", SEED, i).contains("expected", "found");
            }
        }
    }

    @Test
    void nodesBeyondTheShardsAreRefused() {
        int[][] wrong = {{-1, 1}, {0, 0}, {1, 0}, {0, 3}, {2, 3}, {Integer.MAX_VALUE, Integer.MIN_VALUE}};
        for (int[] ends : wrong) {
            ByteBuffer frame =
                    ByteBuffer.allocate(8).putInt(ends[0]).putInt(ends[1]).flip();
            assertThatExceptionOfType(MalformedFrameException.class)
                    .isThrownBy(() -> FrameLayout.node(frame, SHARDS))
                    .withMessageContaining("[" + ends[0] + ", " + ends[1] + ")");
        }
        assertThatExceptionOfType(MalformedFrameException.class)
                .isThrownBy(() -> FrameLayout.node(ByteBuffer.allocate(7), SHARDS))
                .withMessage("bytes of a node: expected 8, found 7");
    }
}
