package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A worker process's end over a real socket, with a driver that keeps to the protocol or does not. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class ExchangeClientTest {
    private static final long SEED = 15;
    private static final int SHARDS = 8;
    private static final Node LEFT = new Node(0, 4);
    private static final Node RIGHT = new Node(4, 8);

    private static JavaSparkContext spark;

    @TempDir
    Path directory;

    private final Configuration conf = SmallSet.conf();
    private ExchangeFakeDriver driver;
    private StepPlan plan;
    private Parameters weights;

    @BeforeAll
    static void start() {
        spark = new JavaSparkContext(SmallSet.spark("local[1]").set("spark.driver.host", "127.0.0.1"));
    }

    @AfterAll
    static void stop() {
        spark.close();
    }

    @BeforeEach
    void create() {
        driver = new ExchangeFakeDriver(spark.getConf(), RunTicket.fresh("127.0.0.1", ExchangeSettings.DEFAULT, false));
        plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 16, Sampling.EPOCH, 0);
        weights = SmallSet.initial(plan);
    }

    @AfterEach
    void free() {
        driver.close();
        weights.close();
    }

    /** A local file system that opens nothing. */
    public static final class BurningDisk extends LocalFileSystem {
        @Override
        public FSDataInputStream open(org.apache.hadoop.fs.Path file, int bufferBytes) throws IOException {
            throw new IOException("the disk is on fire");
        }
    }

    /** Tasks of one process, in threads of this one. */
    private final class Process implements AutoCloseable {
        final RunTicket ticket = driver.ticket();
        final List<Hub> hubs = new ArrayList<>();
        final List<Thread> tasks = new ArrayList<>();

        Process(int taskCount) throws IOException {
            for (int i = 0; i < taskCount; i++) {
                Hub hub = Hub.enter(ticket, plan, conf);
                Thread task = new Thread(() -> hub.team().work(() -> false), "task " + i);
                task.setDaemon(true);
                hubs.add(hub);
                tasks.add(task);
            }
            tasks.forEach(Thread::start);
        }

        Throwable failure() {
            return hubs.get(0).failure();
        }

        void awaitEnd(String what) {
            Await.until(() -> what + ": tasks still work", () -> tasks.stream().noneMatch(Thread::isAlive));
        }

        @Override
        public void close() {
            hubs.get(0).team().end();
            awaitEnd("close");
            hubs.forEach(hub -> hub.exit());
        }
    }

    private void welcome(Process process) throws InterruptedException {
        ByteBuffer join = FrameLayout.open(driver.request(FrameLayout.JOIN));
        assertThat(StandardCharsets.UTF_8.decode(join).toString()).isEqualTo("executor driver on 127.0.0.1");
    }

    @Test
    void ordersAreCarriedOut() throws IOException, InterruptedException {
        try (Process process = new Process(2);
                ShardWorker expected = ShardWorker.load(SmallSet.conf(), plan, 4, 8)) {
            assertThat(process.hubs).as("one connection").containsOnly(process.hubs.get(0));
            welcome(process);
            driver.answer(ExchangeOrders.load(RIGHT));
            assertThat(driver.request(FrameLayout.READY).getInt(FrameLayout.MEMBER_OFFSET))
                    .isEqualTo(ExchangeOrders.MEMBER);
            driver.answer(ExchangeOrders.report(0, RIGHT));
            ByteBuffer report = FrameLayout.open(driver.request(FrameLayout.REPORT));
            assertThat(FrameLayout.node(report, SHARDS)).isEqualTo(RIGHT);
            LoadReport sum = new LoadReport(0, 0, 0);
            while (report.hasRemaining()) {
                sum = sum.plus(new LoadReport(report.getLong(), report.getLong(), report.getLong()));
            }
            assertThat(sum).isEqualTo(expected.report());
            for (long step = 0; step < 3; step++) {
                driver.answer(ExchangeOrders.gradient(1 + step, step, step == 0 ? weights : null, RIGHT));
                ByteBuffer gradient = driver.request(FrameLayout.GRADIENT);
                assertThat(gradient.getLong(FrameLayout.ROUND_OFFSET)).isEqualTo(1 + step);
                assertSame(expected.gradient(step, weights).get(0), FrameLayout.open(gradient));
            }
            driver.answer(ExchangeOrders.lingering(FrameLayout.MAX_LINGER_MICROS, weights, RIGHT));
            driver.request(FrameLayout.GRADIENT);
            driver.answer(ExchangeOrders.score(9, Split.TRAIN.ordinal(), null, RIGHT));
            ByteBuffer scores = FrameLayout.open(driver.request(FrameLayout.SCORE));
            assertThat(FrameLayout.node(scores, SHARDS)).isEqualTo(RIGHT);
            for (Score score : expected.score(Split.TRAIN, weights)) {
                assertThat(Score.read(scores, SmallSet.CLASSES))
                        .usingRecursiveComparison()
                        .isEqualTo(score);
            }
            assertThat(scores.hasRemaining()).isFalse();
            driver.answer(ExchangeOrders.over());
            process.awaitEnd("over");
            assertThat(process.failure()).isNull();
        }
    }

    /** Each takes a fifth of the time after which the worker would count as silent, until the process has no task any more. */
    @Test
    void aWorkerGivesSignsOfLifeWhileItHasNothingToSay() throws IOException, InterruptedException {
        driver.close();
        driver = new ExchangeFakeDriver(
                spark.getConf(), RunTicket.fresh("127.0.0.1", new ExchangeSettings(0, 0, 1, 1), false));
        List<Thread> signers;
        try (Process process = new Process(1)) {
            welcome(process);
            assertThat(driver.signs()).as("it has no number yet").isZero();
            driver.answer(ExchangeOrders.load(RIGHT));
            driver.request(FrameLayout.READY);
            long began = System.nanoTime();
            Await.until(() -> "signs: " + driver.signs(), () -> driver.signs() >= 6);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(700));
            assertThat(driver.hasRequest()).isFalse();
            signers = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("lockstep-alive"))
                    .toList();
            assertThat(signers).hasSize(1);
        }
        Await.until(() -> "the connection stands", () -> driver.ended() == 1);
        Await.until(() -> "it goes on", () -> signers.stream().noneMatch(Thread::isAlive));
    }

    private void assertSame(GradientPart expected, ByteBuffer gradient) {
        assertThat(FrameLayout.node(gradient, SHARDS)).isEqualTo(new Node(expected.low(), expected.high()));
        assertThat(gradient.getInt()).isEqualTo(expected.rows());
        assertThat(gradient.getInt()).isZero();
        assertThat(gradient.getDouble()).isEqualTo(expected.lossSum());
        ParameterCodec codec = new ParameterCodec(plan.shape(), plan.kernels());
        assertThat(codec.length(gradient)).isEqualTo(gradient.remaining());
        try (Parameters found = new Parameters(plan.shape())) {
            codec.read(gradient, found, true);
            assertThat(found.sha256()).isEqualTo(expected.values().sha256());
        }
    }

    private void assertRefused(String what, ByteBuffer order) throws IOException, InterruptedException {
        try (Process process = new Process(1)) {
            driver.request(FrameLayout.JOIN);
            driver.answer(order);
            process.awaitEnd(what);
            assertThat(process.failure()).as(what).isInstanceOfAny(MalformedFrameException.class, IOException.class);
            assertThat(driver.hasRequest()).as(what + ": it answers").isFalse();
        }
    }

    @Test
    void ordersThatMakeNoSenseEndTheTasksAndNameWhatIsWrong() throws IOException, InterruptedException {
        assertRefused("unknown type", FrameLayout.end(ExchangeOrders.order(42, 0, 0, 0, 0, LEFT)));
        assertRefused("hello", FrameLayout.end(ExchangeOrders.order(FrameLayout.HELLO, 0, 0, 0, 0)));
        assertRefused("beyond the shards", ExchangeOrders.load(new Node(4, 9)));
        assertRefused("before the shards", ExchangeOrders.load(new Node(-1, 2)));
        assertRefused("empty node", ExchangeOrders.load(new Node(3, 3)));
        assertRefused("a shard twice", ExchangeOrders.gradient(0, 0, weights, LEFT, new Node(2, 3)));
        assertRefused("no node", ExchangeOrders.gradient(0, 0, weights));
        assertRefused("split 3", ExchangeOrders.score(0, 3, weights, LEFT));
        assertRefused("split -1", ExchangeOrders.score(0, -1, weights, LEFT));
        assertRefused("lingers too long", ExchangeOrders.lingering(FrameLayout.MAX_LINGER_MICROS + 1, weights, LEFT));
        assertRefused("lingers for a negative time", ExchangeOrders.lingering(-1, weights, LEFT));
        assertRefused("a change of weights that it never had", ExchangeOrders.gradient(0, 0, null, LEFT));
        ByteBuffer below = ExchangeOrders.gradient(0, 0, weights, LEFT);
        below.putInt(FrameLayout.HEADER_BYTES + FrameLayout.NODE_BYTES, 1);
        assertRefused("workers below", below);
        ByteBuffer noVersions = ExchangeOrders.order(FrameLayout.GRADIENT, 0, 0, 0, 4, LEFT);
        assertRefused("no versions", FrameLayout.end(noVersions.putInt(0)));
        ByteBuffer more = ExchangeOrders.order(FrameLayout.REPORT, 0, 0, 0, 1, LEFT);
        assertRefused("one byte too many", FrameLayout.end(more.put((byte) 1)));
    }

    @Test
    void spoiledOrdersEndTheTasks() throws IOException, InterruptedException {
        Random random = new Random(SEED);
        for (int i = 0; i < 60; i++) {
            ByteBuffer whole = ExchangeOrders.gradient(0, 0, weights, LEFT, RIGHT);
            assertRefused("seed " + SEED + ", order " + i, ExchangeFrames.spoilOnWire(whole, random));
        }
    }

    @Test
    void aLostConnectionEndsTheTasksWithAFailureThatSparkTriesAgain() throws IOException, InterruptedException {
        try (Process process = new Process(3)) {
            welcome(process);
            driver.hangUp();
            process.awaitEnd("lost connection");
            assertThat(process.failure()).isInstanceOf(IOException.class);
        }
    }

    /** A worker that was silent for too long is told so when it reports; its tasks are tried again and come as a new one. */
    @Test
    void aWorkerThatTheRunGoesOnWithoutFailsItsTasksSoThatTheyComeBack() throws IOException, InterruptedException {
        try (Process process = new Process(2)) {
            welcome(process);
            driver.answer(ExchangeOrders.dismissed());
            process.awaitEnd("dismissed");
            assertThat(process.failure()).isInstanceOf(IOException.class).hasMessageContaining("goes on without");
            Hub next = Hub.enter(process.ticket, plan, conf);
            assertThat(next).as("while the old tasks are leaving").isNotSameAs(process.hubs.get(0));
            welcome(process);
            next.exit();
        }
    }

    @Test
    void badInputIsReportedAndIsNoFailureOfTheTask() throws IOException, InterruptedException {
        Path labels = directory.resolve(IdxWriter.labelsName("train"));
        byte[] content = Files.readAllBytes(labels);
        content[8 + 100] = 77;
        Files.write(labels, content);
        try (Process process = new Process(1)) {
            welcome(process);
            driver.answer(ExchangeOrders.load(LEFT));
            ByteBuffer failed = driver.request(FrameLayout.FAILED);
            assertThat(failed.getInt(FrameLayout.DETAIL_OFFSET)).isEqualTo(1);
            String text =
                    StandardCharsets.UTF_8.decode(FrameLayout.open(failed)).toString();
            assertThat(text)
                    .contains(labels.toString(), "example 100", "found 77")
                    .doesNotContain("\n");
            driver.answer(ExchangeOrders.over());
            process.awaitEnd("over");
            assertThat(process.failure()).isNull();
        }
    }

    @Test
    void aDiskThatFailsIsAFailureOfTheTaskThatSparkTriesAgain() throws IOException, InterruptedException {
        conf.set("fs.file.impl", BurningDisk.class.getName());
        conf.setBoolean("fs.file.impl.disable.cache", true);
        try (Process process = new Process(1)) {
            welcome(process);
            driver.answer(ExchangeOrders.load(LEFT));
            ByteBuffer failed = driver.request(FrameLayout.FAILED);
            assertThat(failed.getInt(FrameLayout.DETAIL_OFFSET)).isZero();
            String text =
                    StandardCharsets.UTF_8.decode(FrameLayout.open(failed)).toString();
            assertThat(text).contains("the disk is on fire");
            driver.answer(ExchangeOrders.dismissed());
            process.awaitEnd("dismissed");
            assertThat(process.failure()).hasMessage(text);
        }
    }

    /** The next task of the process must not find a hub that will never be told anything. */
    @Test
    void aDriverThatCannotBeReachedLeavesNothingBehind() throws IOException, InterruptedException {
        RunTicket ticket = driver.ticket();
        driver.close();
        for (int i = 0; i < 2; i++) {
            Throwable thrown = catchThrowable(() -> Hub.enter(ticket, plan, conf));
            assertThat(thrown).as("task %d", i).isInstanceOf(IOException.class);
            assertThat(thrown.getMessage()).contains("127.0.0.1");
        }
        driver = new ExchangeFakeDriver(spark.getConf(), RunTicket.fresh("127.0.0.1", ExchangeSettings.DEFAULT, false));
    }
}
