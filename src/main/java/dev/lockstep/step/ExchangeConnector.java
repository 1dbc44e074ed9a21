package dev.lockstep.step;

import io.netty.handler.timeout.IdleStateHandler;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SparkConf;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.client.TransportClientFactory;
import org.apache.spark.network.server.NoOpRpcHandler;

/** Makes connections to the {@link ExchangeDoor}s of a run. Any thread. Its connections end with it. */
final class ExchangeConnector implements AutoCloseable {
    private static final long WELCOME_SECONDS = 30;

    private final byte[] secret;
    private final long maxFrameBytes;
    private final TransportContext context;
    private final TransportClientFactory factory;

    ExchangeConnector(SparkConf conf, RunTicket ticket, long maxFrameBytes) {
        this.secret = ticket.secret().clone();
        this.maxFrameBytes = maxFrameBytes;
        this.context = new TransportContext(ExchangeTransport.conf(conf, 1), new NoOpRpcHandler());
        this.factory = context.createClientFactory(ExchangeTransport.clientBootstraps(context.getConf()));
    }

    /**
     * Connects and says hello; waits for the welcome.
     *
     * @throws IOException if nobody listens there, or we are not welcome
     */
    Wire connect(String host, int port, Wire.Listener listener) throws IOException {
        TransportClient client;
        try {
            client = factory.createUnmanagedClient(host, port);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while connecting to " + host + ":" + port, e);
        }
        CompletableFuture<Wire> wire = new CompletableFuture<>();
        ByteBuffer hello = FrameLayout.room(FrameLayout.HEADER_BYTES + secret.length);
        FrameLayout.start(hello, FrameLayout.HELLO, 0, 0, -1, -1, 0);
        client.sendRpc(FrameLayout.end(hello.put(secret)), new RpcResponseCallback() {
            @Override
            public void onSuccess(ByteBuffer answer) {
                try {
                    int type = FrameLayout.open(answer).getInt(FrameLayout.TYPE_OFFSET);
                    FrameLayout.require(type == FrameLayout.WELCOME, "answer's type", FrameLayout.WELCOME, type);
                    Wire made = ExchangeWire.over(client.getChannel(), listener, maxFrameBytes);
                    client.getChannel().pipeline().addFirst(new IdleStateHandler(ExchangeTransport.IDLE_SECONDS, 0, 0));
                    wire.complete(made);
                } catch (RuntimeException e) {
                    wire.completeExceptionally(e);
                }
            }

            @Override
            public void onFailure(Throwable e) {
                wire.completeExceptionally(e);
            }
        });
        try {
            return wire.get(WELCOME_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            client.close();
            throw new IOException(host + ":" + port + " did not welcome this worker", e);
        } catch (InterruptedException e) {
            client.close();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for " + host + ":" + port, e);
        }
    }

    @Override
    public void close() {
        factory.close();
        context.close();
    }
}
