package dev.lockstep.step;

import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import org.apache.spark.SparkConf;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.server.OneForOneStreamManager;
import org.apache.spark.network.server.RpcHandler;
import org.apache.spark.network.server.StreamManager;
import org.apache.spark.network.server.TransportServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a process of a run listens for others of it, over Spark's own transport with its authentication and encryption.
 * Who says hello with the run's secret is welcome, and its connection becomes an {@link ExchangeWire}; everybody else gets
 * no answer, loses the connection and is counted. No transport thread waits, and no object is deserialised.
 */
final class ExchangeDoor extends RpcHandler implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ExchangeDoor.class);

    private final byte[] secret;
    private final Wire.Listener listener;
    private final long maxFrameBytes;
    private final StreamManager streams = new OneForOneStreamManager();
    private final Strangers strangers = new Strangers();
    private final TransportContext context;
    private final TransportServer server;

    /**
     * @param address to listen at
     * @param port to listen at; 0 for any
     * @param threads event loops
     * @param listener of all wires
     */
    ExchangeDoor(
            SparkConf conf,
            RunTicket ticket,
            String address,
            int port,
            int threads,
            Wire.Listener listener,
            long maxFrameBytes) {
        this.secret = ticket.secret().clone();
        this.listener = listener;
        this.maxFrameBytes = maxFrameBytes;
        this.context = new TransportContext(ExchangeTransport.conf(conf, threads), this);
        this.server = context.createServer(
                address,
                port,
                ExchangeTransport.serverBootstraps(
                        context.getConf(), strangers, ticket.settings().stepTimeoutSeconds()));
    }

    int port() {
        return server.getPort();
    }

    /** How many connections did not show the secret. */
    long strangers() {
        return strangers.count();
    }

    @Override
    public StreamManager getStreamManager() {
        return streams;
    }

    @Override
    public void receive(TransportClient client, ByteBuffer message, RpcResponseCallback answer) {
        try {
            ByteBuffer frame = FrameLayout.open(message);
            int type = frame.getInt(FrameLayout.TYPE_OFFSET);
            FrameLayout.require(type == FrameLayout.HELLO, "first frame's type", FrameLayout.HELLO, type);
            byte[] shown = new byte[RunTicket.SECRET_BYTES];
            FrameLayout.require(
                    frame.remaining() == shown.length, "bytes of a secret", shown.length, frame.remaining());
            frame.get(shown);
            if (!MessageDigest.isEqual(shown, secret)) {
                ExchangeGuard.refuse(client.getChannel(), "it said hello without the run's secret");
                return;
            }
        } catch (MalformedFrameException e) {
            ExchangeGuard.refuse(client.getChannel(), "malformed hello: " + e.getMessage());
            return;
        }
        // The answer goes through Spark's handlers at once, since this is the connection's event loop; then they go.
        answer.onSuccess(FrameLayout.bare(FrameLayout.WELCOME));
        ExchangeGuard.dismiss(client.getChannel());
        ExchangeWire.over(client.getChannel(), listener, maxFrameBytes);
    }

    @Override
    public void exceptionCaught(Throwable cause, TransportClient client) {
        LOG.debug("connection to {}", client.getSocketAddress(), cause);
    }

    /** Ends all connections; what is still being sent may be lost. */
    @Override
    public void close() {
        server.close();
        context.close();
    }
}
