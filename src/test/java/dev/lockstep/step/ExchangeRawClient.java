package dev.lockstep.step;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.client.TransportClientFactory;
import org.apache.spark.network.server.NoOpRpcHandler;

/** A connection to a run's exchange over which the test sends whatever bytes it likes. */
final class ExchangeRawClient implements AutoCloseable {
    private static final long ANSWER_SECONDS = 30;

    private final TransportContext context;
    private final TransportClientFactory factory;
    private final TransportClient client;
    private final BlockingQueue<ByteBuffer> answers = new LinkedBlockingQueue<>();
    private volatile Wire wire; // once it is welcome
    private int member;

    ExchangeRawClient(SparkConf conf, int port) throws IOException, InterruptedException {
        context = new TransportContext(ExchangeTransport.conf(conf, 1), new NoOpRpcHandler(), true);
        factory = context.createClientFactory();
        client = factory.createUnmanagedClient("127.0.0.1", port);
    }

    /** Sends bytes: as an RPC until it is welcome, bare after that. */
    ExchangeRawClient send(ByteBuffer frame) {
        if (wire != null) {
            wire.send(frame, null);
            return this;
        }
        client.sendRpc(frame, new RpcResponseCallback() {
            @Override
            public void onSuccess(ByteBuffer answer) {
                wire = ExchangeWire.over(client.getChannel(), new Answers(), Integer.MAX_VALUE);
                keep(answer);
            }

            @Override
            public void onFailure(Throwable e) {
                // The test sees that the connection has ended, or misses the answer.
            }
        });
        return this;
    }

    private void keep(ByteBuffer answer) {
        ByteBuffer copy = ByteBuffer.allocate(answer.limit()).order(ByteOrder.LITTLE_ENDIAN);
        answers.add(copy.put(0, answer, 0, answer.limit()));
    }

    private final class Answers implements Wire.Listener {
        @Override
        public void received(Wire from, ByteBuffer frame) {
            keep(frame);
        }

        @Override
        public void closed(Wire from) {
            // Tests ask the connection.
        }
    }

    /** Says hello and joins. */
    ExchangeRawClient join(RunTicket ticket, String name) throws InterruptedException {
        return join(ticket, ExchangeFrames.join(name));
    }

    ExchangeRawClient join(RunTicket ticket, ByteBuffer join) throws InterruptedException {
        send(ExchangeFrames.hello(ticket.secret()));
        answer(FrameLayout.WELCOME);
        return send(join);
    }

    /** Says hello, joins and loads; returns itself when the driver has given it a number. */
    ExchangeRawClient enter(RunTicket ticket, String name) throws InterruptedException {
        ByteBuffer load = join(ticket, name).answer(FrameLayout.LOAD);
        member = load.getInt(FrameLayout.MEMBER_OFFSET);
        return this;
    }

    /** The number that the driver gave. */
    int member() {
        return member;
    }

    /** The next answer, of the given type. */
    ByteBuffer answer(int type) throws InterruptedException {
        ByteBuffer answer = answers.poll(ANSWER_SECONDS, TimeUnit.SECONDS);
        if (answer == null) {
            throw new AssertionError("no answer of type " + type + " in " + ANSWER_SECONDS + " s");
        }
        FrameLayout.open(answer);
        if (answer.getInt(FrameLayout.TYPE_OFFSET) != type) {
            throw new AssertionError(
                    "answer: expected type " + type + ", found " + answer.getInt(FrameLayout.TYPE_OFFSET));
        }
        return answer;
    }

    boolean hasAnswer() {
        return !answers.isEmpty();
    }

    void awaitClosed(String what) {
        Await.until(() -> "the connection is still open: " + what, () -> !client.isActive());
    }

    boolean isOpen() {
        return client.isActive();
    }

    /** Names of the handlers that its bytes go through. */
    List<String> handlers() {
        return client.getChannel().pipeline().names();
    }

    @Override
    public void close() {
        client.close();
        factory.close();
        context.close();
    }
}
