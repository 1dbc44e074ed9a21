package dev.lockstep.step;

import io.netty.channel.Channel;
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
import org.apache.spark.network.server.OneForOneStreamManager;
import org.apache.spark.network.server.RpcHandler;
import org.apache.spark.network.server.StreamManager;
import org.apache.spark.network.server.TransportServer;

/** A driver that writes requests down, and answers with whatever bytes the test likes. */
final class ExchangeFakeDriver extends RpcHandler implements AutoCloseable {
    private static final long REQUEST_SECONDS = 30;

    private record Request(ByteBuffer frame, RpcResponseCallback answer, Channel channel) {}

    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private final TransportContext context;
    private final TransportServer server;
    private Request latest;

    ExchangeFakeDriver(SparkConf conf) {
        context = new TransportContext(ExchangeTransport.conf(conf, 1), this);
        server = context.createServer("127.0.0.1", 0, List.of());
    }

    int port() {
        return server.getPort();
    }

    @Override
    public StreamManager getStreamManager() {
        return new OneForOneStreamManager();
    }

    @Override
    public void receive(TransportClient client, ByteBuffer message, RpcResponseCallback answer) {
        ByteBuffer copy = ByteBuffer.allocate(message.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        requests.add(new Request(copy.put(message).flip(), answer, client.getChannel()));
    }

    /** The next request, of the given type. */
    ByteBuffer request(int type) throws InterruptedException {
        latest = requests.poll(REQUEST_SECONDS, TimeUnit.SECONDS);
        if (latest == null) {
            throw new AssertionError("no request of type " + type + " in " + REQUEST_SECONDS + " s");
        }
        FrameLayout.open(latest.frame());
        if (latest.frame().getInt(FrameLayout.TYPE_OFFSET) != type) {
            throw new AssertionError("request: expected type " + type + ", found "
                    + latest.frame().getInt(FrameLayout.TYPE_OFFSET));
        }
        return latest.frame();
    }

    boolean hasRequest() {
        return !requests.isEmpty();
    }

    /** Answers the latest request. */
    void answer(ByteBuffer frame) {
        latest.answer().onSuccess(frame);
    }

    /** Ends the connection that the latest request came over. */
    void hangUp() {
        latest.channel().close().awaitUninterruptibly(REQUEST_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        server.close();
        context.close();
    }
}
