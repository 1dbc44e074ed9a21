package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** The driver's end of the protocol over real sockets, with workers that keep to it and workers that do not. */
class ExchangeServerTest extends ExchangeServerSetup {
    /** The header alone tells: no memory is taken for the rest, which never comes. */
    @Test
    void aFrameLongerThanTheModelCanNeedIsRefused() throws IOException, InterruptedException {
        long most = ExchangeTransport.maxFrameBytes(plan);
        try (ExchangeRawClient fits = ready("fits")) {
            fits.send(announcing(fits.member(), most));
            for (long length : new long[] {most + 1, Integer.MAX_VALUE}) {
                try (ExchangeRawClient tooLong = ready("too long")) {
                    tooLong.send(announcing(tooLong.member(), length)).awaitClosed("frame of " + length);
                }
                Await.until(() -> "too long is still a member", () -> coordinator.readyCount() == 1);
            }
            assertThat(fits.isOpen()).isTrue();
        }
    }

    private static ByteBuffer announcing(int member, long lengthBytes) {
        ByteBuffer frame = ExchangeFrames.empty(FrameLayout.GRADIENT, member);
        return frame.putInt(FrameLayout.BODY_LENGTH_OFFSET, (int) lengthBytes - FrameLayout.HEADER_BYTES);
    }

    @Test
    void aWorkerLoadsIsOrderedAndDelivers() throws IOException, InterruptedException {
        try (ExchangeRawClient a = ready("a");
                ExchangeRawClient b = ready("b")) {
            begin(0);
            ByteBuffer order = a.answer(FrameLayout.GRADIENT);
            assertThat(order.getLong(FrameLayout.ROUND_OFFSET)).isZero();
            assertThat(order.getLong(FrameLayout.STEP_OFFSET)).isEqualTo(70);
            ByteBuffer body = FrameLayout.open(order);
            assertThat(FrameLayout.node(body, SHARDS)).isEqualTo(LEFT);
            assertThat(body.getInt()).as("workers below").isZero();
            assertThat(body.getLong()).as("version to begin with").isZero();
            assertThat(body.getLong()).as("version").isEqualTo(1);
            try (Parameters read = new Parameters(plan.shape())) {
                new ParameterCodec(plan.shape(), plan.kernels()).read(body, read, false);
                RandomNet.assertSameBits("weights", read, values);
            }
            assertThat(body.hasRemaining()).isFalse();
            a.send(ExchangeFrames.gradient(a.member(), 0, 3, values, LEFT));
            b.answer(FrameLayout.GRADIENT);
            b.send(ExchangeFrames.gradient(b.member(), 0, 0, values, RIGHT));
            awaitWhole();
            RandomNet.assertSameBits("part", coordinator.parts().get(LEFT).values(), values);
            coordinator.begin(new Coordinator.Round(1, Work.Kind.SCORE, -1, Split.TEST, values));
            order = b.answer(FrameLayout.SCORE);
            assertThat(order.getInt(FrameLayout.DETAIL_OFFSET)).isEqualTo(Split.TEST.ordinal());
            body = FrameLayout.open(order);
            assertThat(FrameLayout.node(body, SHARDS)).isEqualTo(RIGHT);
            assertThat(body.getInt()).as("workers below").isZero();
            assertThat(body.getLong()).as("version to begin with").isEqualTo(1);
            assertThat(body.getLong()).as("weights have not changed").isEqualTo(1);
            assertThat(body.hasRemaining()).isFalse();
            coordinator.end();
            a.answer(FrameLayout.SCORE);
            b.send(ExchangeFrames.scores(b.member(), 1, SmallSet.CLASSES, RIGHT))
                    .answer(FrameLayout.OVER);
            a.send(ExchangeFrames.scores(a.member(), 1, SmallSet.CLASSES, LEFT)).answer(FrameLayout.OVER);
            try (ExchangeRawClient late = connect()) {
                assertThat(late.join(ticket, "late").answer(FrameLayout.OVER).getInt(FrameLayout.DETAIL_OFFSET))
                        .isZero();
            }
        }
        assertThat(server.bytesUp()).isPositive();
        assertThat(server.bytesDown()).isPositive();
    }

    @Test
    void aWorkerThatFailsIsToldToGoAndTheOthersGoOn() throws IOException, InterruptedException {
        try (ExchangeRawClient bad = ready("bad");
                ExchangeRawClient good = ready("good")) {
            begin(0);
            bad.answer(FrameLayout.GRADIENT);
            bad.send(ExchangeFrames.failed(bad.member(), "disk is on fire", false));
            ByteBuffer over = bad.answer(FrameLayout.OVER);
            assertThat(over.getInt(FrameLayout.DETAIL_OFFSET))
                    .as("the run goes on")
                    .isEqualTo(1);
            finish(good, 0);
            assertThat(coordinator.lostCount()).isEqualTo(1);
        }
    }

    @Test
    void aWorkerThatDoesNotDeliverIsToldToGoAndTheOthersGoOn() throws IOException, InterruptedException {
        try (ExchangeRawClient bad = ready("bad");
                ExchangeRawClient good = ready("good")) {
            begin(0);
            bad.answer(FrameLayout.GRADIENT);
            bad.send(ExchangeFrames.ready(bad.member())).answer(FrameLayout.OVER);
            finish(good, 0);
            assertThat(coordinator.lostCount()).isEqualTo(1);
        }
    }

    /** What is on its way to it may be written anew for others; it must not take that for its own. */
    @Test
    void aWorkerThatIsGivenUpWhileItIsBusyLosesItsConnection() throws IOException, InterruptedException {
        try (ExchangeRawClient silent = ready("silent");
                ExchangeRawClient good = ready("good")) {
            begin(0);
            silent.answer(FrameLayout.GRADIENT);
            good.answer(FrameLayout.GRADIENT);
            good.send(ExchangeFrames.gradient(good.member(), 0, 3, values, RIGHT));
            Await.until(coordinator::missing, () -> !coordinator.missing().contains("good"));
            coordinator.dropMissing("silent for 60 s");
            silent.awaitClosed("silent");
            good.answer(FrameLayout.GRADIENT);
            good.send(ExchangeFrames.gradient(good.member(), 0, 3, values, LEFT));
            awaitWhole();
        }
    }

    @Test
    void aWorkerThatGivesSignsOfLifeIsNotSilent() throws IOException, InterruptedException {
        long timeoutNanos = 300_000_000L;
        try (ExchangeRawClient silent = ready("silent");
                ExchangeRawClient slow = ready("slow")) {
            begin(0);
            silent.answer(FrameLayout.GRADIENT);
            slow.answer(FrameLayout.GRADIENT);
            long began = System.nanoTime();
            while (coordinator.lostCount() == 0) {
                long before = server.bytesUp();
                slow.send(ExchangeFrames.empty(FrameLayout.ALIVE, slow.member()));
                Await.until(() -> "the sign has not come", () -> server.bytesUp() > before);
                coordinator.dropSilent(System.nanoTime() - began, timeoutNanos);
            }
            silent.awaitClosed("silent");
            slow.send(ExchangeFrames.gradient(slow.member(), 0, 3, values, RIGHT));
            slow.answer(FrameLayout.GRADIENT);
            slow.send(ExchangeFrames.gradient(slow.member(), 0, 3, values, LEFT));
            awaitWhole();
            assertThat(coordinator.lostCount()).isEqualTo(1);
        }
    }

    @Test
    void aWorkerThatOthersCanReachSaysWhere() throws IOException, InterruptedException {
        List<ByteBuffer> wrong = List.of(
                ExchangeFrames.join("a", "", 80),
                ExchangeFrames.join("a", "h".repeat(OrderCodec.MAX_HOST_BYTES + 1), 80),
                ExchangeFrames.join("a", "host", 1 << 16),
                ExchangeFrames.join("a", "host", -1));
        for (ByteBuffer join : wrong) {
            try (ExchangeRawClient client = connect()) {
                client.join(ticket, join).awaitClosed("join");
            }
        }
        assertThat(coordinator.joinedCount()).isZero();
        try (ExchangeRawClient client = connect()) {
            client.join(ticket, ExchangeFrames.join("a", "h".repeat(OrderCodec.MAX_HOST_BYTES), 80))
                    .answer(FrameLayout.LOAD);
        }
    }

    @Test
    void badInputEndsTheRunAndAnswersOnce() throws IOException, InterruptedException {
        try (ExchangeRawClient a = ready("a")) {
            begin(0);
            a.answer(FrameLayout.GRADIENT);
            a.send(ExchangeFrames.failed(a.member(), "train-images: bad", true));
            Throwable thrown = catchThrowable(() -> Await.until(() -> "the round goes on", coordinator::isComplete));
            assertThat(thrown).isInstanceOf(BadInputException.class).hasMessage("train-images: bad");
            coordinator.end();
            a.answer(FrameLayout.OVER);
            assertThat(a.hasAnswer()).isFalse();
        }
    }

    /** Does what is left of a round of which this one was ordered the right half. */
    private void finish(ExchangeRawClient good, long round) throws InterruptedException {
        good.answer(FrameLayout.GRADIENT);
        good.send(ExchangeFrames.gradient(good.member(), round, 3, values, RIGHT));
        good.answer(FrameLayout.GRADIENT);
        good.send(ExchangeFrames.gradient(good.member(), round, 3, values, LEFT));
        awaitWhole();
    }

    /** The bad one, ordered the left half, sends a frame; its connection ends, the good one does the rest. */
    private void assertEnds(String what, Function<ExchangeRawClient, ByteBuffer> frame)
            throws IOException, InterruptedException {
        try (ExchangeRawClient bad = ready("bad: " + what);
                ExchangeRawClient good = ready("good: " + what)) {
            long round = coordinator.joinedCount();
            begin(round);
            bad.answer(FrameLayout.GRADIENT);
            bad.send(frame.apply(bad)).awaitClosed(what);
            assertThat(bad.hasAnswer()).as(what).isFalse();
            finish(good, round);
            assertThat(good.isOpen()).as(what).isTrue();
        }
        Await.until(() -> what + ": members are left", () -> coordinator.readyCount() == 0);
    }

    @Test
    void whoeverBreaksTheProtocolLosesItsConnectionAndNobodyElseDoes() throws IOException, InterruptedException {
        assertEnds("another's number", bad -> ExchangeFrames.ready(bad.member() + 1));
        assertEnds("no number", bad -> ExchangeFrames.ready(-1));
        assertEnds("hello again", bad -> ExchangeFrames.hello(ticket.secret()));
        assertEnds("order to the driver", bad -> ExchangeFrames.empty(FrameLayout.LOAD, bad.member()));
        assertEnds("over to the driver", bad -> ExchangeFrames.empty(FrameLayout.OVER, bad.member()));
        assertEnds("unknown type", bad -> ExchangeFrames.empty(77, bad.member()));
        assertEnds("garbage", bad -> ByteBuffer.wrap(new byte[100]));
        assertEnds("join again", bad -> ExchangeFrames.join("again"));
        assertEnds("no node", bad -> ExchangeFrames.empty(FrameLayout.GRADIENT, bad.member()));
        assertEnds(
                "a score for a gradient", bad -> ExchangeFrames.scores(bad.member(), round(), SmallSet.CLASSES, LEFT));
        assertEnds(
                "one node right, one wrong",
                bad -> ExchangeFrames.gradient(bad.member(), round(), 3, values, LEFT, new Node(0, 9)));
        assertThat(coordinator.lostCount()).as("each of them and each good one").isEqualTo(22);
        assertThat(coordinator.refusedCount())
                .as("parts that came in malformed frames")
                .isZero();
    }

    private long round() {
        return coordinator.joinedCount();
    }

    @Test
    void aSecondRequestWhileOneIsUnderWayEndsTheConnection() throws IOException, InterruptedException {
        try (ExchangeRawClient hasty = ready("hasty");
                ExchangeRawClient good = ready("good")) {
            hasty.send(ExchangeFrames.ready(hasty.member())).awaitClosed("hasty");
            Await.until(() -> "hasty is still a member", () -> coordinator.readyCount() == 1);
            begin(0);
            good.answer(FrameLayout.GRADIENT);
            good.send(ExchangeFrames.gradient(good.member(), 0, 3, values, new Node(0, SHARDS)));
            awaitWhole();
        }
    }

    @Test
    void spoiledFramesEndTheirConnectionsAndNothingElse() throws IOException, InterruptedException {
        Random random = new Random(SEED);
        try (ExchangeRawClient good = ready("good")) {
            for (int i = 0; i < 60; i++) {
                String what = "seed " + SEED + ", frame " + i;
                try (ExchangeRawClient bad = connect()) {
                    if (i % 3 == 0) {
                        ByteBuffer hello = ExchangeFrames.hello(ticket.secret());
                        hello.putInt(ExchangeFrames.pick(random, 0, 4, 36), random.nextInt());
                        bad.send(hello).awaitClosed(what);
                    } else {
                        bad.enter(ticket, "bad");
                        ByteBuffer whole = ExchangeFrames.gradient(bad.member(), 0, 3, values, LEFT, RIGHT);
                        bad.send(ExchangeFrames.spoilOnWire(whole, random)).awaitClosed(what);
                    }
                }
            }
            begin(0);
            good.answer(FrameLayout.GRADIENT);
            good.send(ExchangeFrames.gradient(good.member(), 0, 3, values, new Node(0, SHARDS)));
            awaitWhole();
        }
    }
}
