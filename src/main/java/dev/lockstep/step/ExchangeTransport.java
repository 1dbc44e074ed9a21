package dev.lockstep.step;

import dev.lockstep.BadInputException;
import java.util.List;
import org.apache.spark.SSLOptions;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.network.client.TransportClientBootstrap;
import org.apache.spark.network.crypto.AuthClientBootstrap;
import org.apache.spark.network.crypto.AuthServerBootstrap;
import org.apache.spark.network.netty.SparkTransportConf;
import org.apache.spark.network.server.TransportServerBootstrap;
import org.apache.spark.network.util.TransportConf;
import scala.Option;

/** Spark's transport as the exchange uses it: the settings of module {@code lockstep}, Spark's own authentication. */
final class ExchangeTransport {
    private static final String MODULE = "lockstep";

    /** A worker may wait for its next order as long as an evaluation elsewhere or a slow disk at the driver takes. */
    static final int IDLE_SECONDS = 3600;

    private static final String CONNECT_SECONDS = "30s";

    private ExchangeTransport() {}

    static TransportConf conf(SparkConf conf, int threads) {
        SparkConf settings =
                conf.clone().setIfMissing("spark." + MODULE + ".io.connectionCreationTimeout", CONNECT_SECONDS);
        Option<SSLOptions> ssl = Option.apply(SparkEnv.get().securityManager().getRpcSSLOptions());
        return SparkTransportConf.fromSparkConf(settings, MODULE, threads, Option.empty(), ssl);
    }

    /**
     * Refuses networks whose gradients do not fit into frames: a worker has a run of neighbouring shards, or will have one
     * when the membership has settled, and sends what it makes of them in one frame.
     *
     * @throws BadInputException naming the sizes
     */
    static void requireFrames(StepPlan plan) {
        requireFrame(plan, ReductionTree.mostNodesOfNeighbours(plan.shards()));
    }

    /**
     * The length of a frame of so many gradients, at most.
     *
     * @throws BadInputException if that is more than a frame can have
     */
    static int requireFrame(StepPlan plan, int gradients) {
        long bytes = FrameLayout.HEADER_BYTES + gradients * gradientBytes(plan);
        if (bytes > Integer.MAX_VALUE) {
            throw new BadInputException("--hidden " + plan.shape().hidden() + ", --shards " + plan.shards()
                    + ": expected that what a worker sends of a step has at most " + Integer.MAX_VALUE
                    + " bytes, found that " + gradients + " gradients of " + plan.shape() + " have " + bytes
                    + "; fewer shards make fewer gradients");
        }
        return (int) bytes;
    }

    private static long gradientBytes(StepPlan plan) {
        return FrameLayout.GRADIENT_NODE_BYTES + ParameterCodec.maxBytes(plan.shape());
    }

    /** The longest frame that a run can need: a part of its own for each shard, an order with a worker for each, or
     * a name and a host. */
    static long maxFrameBytes(StepPlan plan) {
        long partBytes = gradientBytes(plan);
        long scoreBytes = FrameLayout.NODE_BYTES + FrameLayout.scoreShardBytes(plan);
        long bytes = FrameLayout.HEADER_BYTES
                + 2L * FrameLayout.MAX_TEXT_BYTES
                + (partBytes + scoreBytes + OrderCodec.MAX_ROUTE_BYTES) * plan.shards();
        return Math.min(bytes, Integer.MAX_VALUE);
    }

    /**
     * What is done to new connections.
     *
     * @param helloSeconds in which they have to authenticate and say hello
     */
    static List<TransportServerBootstrap> serverBootstraps(TransportConf conf, Strangers strangers, int helloSeconds) {
        SecurityManager security = SparkEnv.get().securityManager();
        TransportServerBootstrap guard = (channel, handler) -> {
            ExchangeGuard.watch(channel, strangers, helloSeconds);
            return handler;
        };
        return security.isAuthenticationEnabled()
                ? List.of(guard, new AuthServerBootstrap(conf, security))
                : List.of(guard);
    }

    static List<TransportClientBootstrap> clientBootstraps(TransportConf conf) {
        SparkEnv env = SparkEnv.get();
        SecurityManager security = env.securityManager();
        return security.isAuthenticationEnabled()
                ? List.of(new AuthClientBootstrap(conf, env.conf().getAppId(), security))
                : List.of();
    }
}
