package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who gets in at the driver's door, and what becomes of everybody else. */
class ExchangeDoorTest extends ExchangeServerSetup {
    @Test
    void whoDoesNotKnowTheSecretIsRefusedAndCounted() throws IOException, InterruptedException {
        byte[] almost = ticket.secret().clone();
        almost[almost.length - 1] ^= 1;
        List<ByteBuffer> strangers =
                List.of(ExchangeFrames.hello(almost), ExchangeFrames.hello(new byte[RunTicket.SECRET_BYTES]));
        for (ByteBuffer hello : strangers) {
            try (ExchangeRawClient stranger = connect()) {
                stranger.send(hello).awaitClosed("a stranger");
                assertThat(stranger.hasAnswer()).isFalse();
            }
        }
        Await.until(() -> "strangers: " + server.strangers(), () -> server.strangers() == 2);
        assertThat(coordinator.joinedCount()).isZero();
    }

    @Test
    void theFirstFrameMustBeAHello() throws IOException, InterruptedException {
        List<ByteBuffer> first = List.of(
                ExchangeFrames.ready(0),
                ExchangeFrames.gradient(0, 0, 3, values, LEFT),
                ExchangeFrames.hello(new byte[RunTicket.SECRET_BYTES - 1]),
                ExchangeFrames.join("too early"),
                ByteBuffer.wrap("GET / HTTP/1.1\r\nHost: a\r\n\r\n0123456789abcdef".getBytes()),
                ByteBuffer.allocate(0));
        for (ByteBuffer frame : first) {
            try (ExchangeRawClient stranger = connect()) {
                stranger.send(frame).awaitClosed(frame.toString());
                assertThat(stranger.hasAnswer()).isFalse();
            }
        }
        Await.until(() -> "strangers: " + server.strangers(), () -> server.strangers() == first.size());
        assertThat(coordinator.joinedCount()).isZero();
    }

    /** Sends bytes over a plain connection; returns what came back before the driver ended it. */
    private int answerBytes(byte[] bytes) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.setSoTimeout(30_000);
            try {
                socket.getOutputStream().write(bytes);
                return socket.getInputStream().readAllBytes().length;
            } catch (SocketTimeoutException e) {
                throw e;
            } catch (IOException e) {
                return 0; // it was ended before all was sent
            }
        }
    }

    private static byte[] message(long length, int type, int bodyBytes) {
        return ByteBuffer.allocate(9 + bodyBytes)
                .putLong(length)
                .put((byte) type)
                .array();
    }

    @Test
    void beforeTheHelloOnlyShortRequestsAreRead() throws IOException {
        byte[][] wrong = {
            message(9, 0, 0), // less than the header of a request
            message(21, 9, 12), // one-way
            message(21, 6, 12), // a stream
            message(8, 3, 0),
            message(-1, 3, 0),
            message(Long.MAX_VALUE, 3, 0),
            message(ExchangeGuard.MAX_MESSAGE_BYTES + 1, 3, 0),
            "GET / HTTP/1.1\r\n\r\n".getBytes(),
            new byte[1 << 20],
        };
        for (byte[] bytes : wrong) {
            assertThat(answerBytes(bytes))
                    .as(Arrays.toString(Arrays.copyOf(bytes, 9)))
                    .isZero();
        }
        Await.until(() -> "strangers: " + server.strangers(), () -> server.strangers() == wrong.length);
        assertThat(coordinator.joinedCount()).isZero();
    }

    @Test
    void whoSaysNothingIsRefusedInTime() throws IOException {
        server.close();
        RunTicket hasty = RunTicket.fresh("127.0.0.1", new ExchangeSettings(0, 0, 1, 1), false);
        server = new ExchangeServer(spark.getConf(), hasty, plan, coordinator);
        long began = System.nanoTime();
        assertThat(answerBytes(new byte[0])).isZero();
        assertThat(Duration.ofNanos(System.nanoTime() - began))
                .isBetween(Duration.ofMillis(900), Duration.ofSeconds(10));
        assertThat(answerBytes(message(100, 3, 50))).as("half a message").isZero();
        assertThat(server.strangers()).isEqualTo(2);
        try (Socket scan = new Socket("127.0.0.1", server.port())) {
            assertThat(scan.isConnected()).isTrue();
        }
        Await.until(() -> "strangers: " + server.strangers(), () -> server.strangers() == 3);
    }

    /** Nobody else on the network can even connect. */
    @Test
    void thePortIsOpenAtTheDriversAddressOnly() throws IOException {
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            assertThat(socket.isConnected()).isTrue();
        }
        assertThatThrownBy(() -> new Socket("127.0.0.2", server.port()).close()).isInstanceOf(ConnectException.class);
    }

    /** Spark's handlers of messages are gone once a worker is welcome. */
    @Test
    void framesGoOverTheConnectionBare() throws IOException, InterruptedException {
        try (ExchangeRawClient client = ready("a")) {
            assertThat(client.handlers()).containsExactly("frames", "DefaultChannelPipeline$TailContext#0");
        }
    }

    /** Silent connections, more than may be there at once: the first have to go, and none keeps a worker out. */
    @Test
    void whoHoldsConnectionsOpenKeepsNobodyOut() throws IOException, InterruptedException {
        int more = 50;
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < Strangers.MAX_CONNECTIONS + more; i++) {
                silent.add(new Socket("127.0.0.1", server.port()));
                silent.get(i).setSoTimeout(30_000);
                silent.get(i).setSoLinger(true, 0);
            }
            for (Socket early : silent.subList(0, more)) {
                assertThat(early.getInputStream().read())
                        .as("what the first ones hear")
                        .isEqualTo(-1);
            }
            assertThat(server.strangers()).isEqualTo(more);
            try (ExchangeRawClient worker = ready("a worker, while all others are still there")) {
                assertThat(worker.isOpen()).isTrue();
            }
            assertThat(silent.get(more).getInputStream().read())
                    .as("it made room for the worker")
                    .isEqualTo(-1);
            assertThat(server.strangers()).isEqualTo(more + 1);
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
        Await.until(() -> "strangers: " + server.strangers(), () -> server.strangers() == silent.size());
        assertThat(coordinator.joinedCount()).isEqualTo(1);
    }

    @Test
    void aPortThatIsTakenIsNamed() {
        RunTicket taken = RunTicket.fresh("127.0.0.1", new ExchangeSettings(0, server.port(), 1, 1), false);
        assertThatThrownBy(() -> new ExchangeServer(spark.getConf(), taken, plan, coordinator))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--exchange-port " + server.port() + ": cannot listen at 127.0.0.1")
                .hasMessageContaining("in use");
    }
}
