package dev.lockstep.step;

import dev.lockstep.data.Split;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Orders on the wire.
 *
 * <pre>
 *   workers below: number of them (4), then for each
 *       bytes
 *           4  member
 *           4  port
 *           4  length of the host's name
 *           4  count: nodes
 *              host (UTF-8)
 *       8 each nodes: low, high
 *              the workers below this one, likewise
 * </pre>
 */
final class OrderCodec {
    private static final int ROUTE_BYTES = 16;

    /** What a name in the DNS can have. */
    static final int MAX_HOST_BYTES = 255;

    /** The most that a worker below takes whose shards are in one node; in more, it takes less than their parts do. */
    static final int MAX_ROUTE_BYTES = ROUTE_BYTES + MAX_HOST_BYTES + FrameLayout.NODE_BYTES + Integer.BYTES;

    private static final int VERSIONS_BYTES = 2 * Long.BYTES;

    private final StepPlan plan;
    private final ParameterCodec codec;

    OrderCodec(StepPlan plan) {
        this.plan = plan;
        this.codec = new ParameterCodec(plan.shape(), plan.kernels());
    }

    /**
     * An order as it came.
     *
     * @param route of the worker itself and those below it
     * @param update of the weights; null if the order has none
     */
    record Order(Coordinator.Round round, Route route, WeightsUpdate update) {}

    /**
     * Writes the first piece of an order; the update's form is the rest.
     *
     * @param room used if it is large enough
     * @return the room that was used, ready to be sent
     */
    static ByteBuffer write(ByteBuffer room, Coordinator.Round round, Route route, WeightsUpdate update) {
        int type = switch (round.kind()) {
            case LOAD -> FrameLayout.LOAD;
            case GRADIENT -> FrameLayout.GRADIENT;
            case SCORE -> FrameLayout.SCORE;
            case REPORT -> FrameLayout.REPORT;
            case UPDATE -> throw new IllegalArgumentException("the driver updates the weights");
        };
        long bytes = FrameLayout.HEADER_BYTES
                + (long) route.nodes().size() * FrameLayout.NODE_BYTES
                + (update == null ? 0 : Integer.BYTES + routeBytes(route.below()) + VERSIONS_BYTES);
        ByteBuffer head = bytes > room.capacity() ? FrameLayout.room(bytes) : room;
        int detail =
                round.split() == null ? round.lingerMicros() : round.split().ordinal();
        FrameLayout.start(head, type, route.member(), route.nodes().size(), round.number(), round.step(), detail);
        writeNodes(route.nodes(), head);
        if (update != null) {
            writeRoutes(route.below(), head);
            head.putLong(update.base()).putLong(update.version());
        }
        return FrameLayout.end(head, update == null ? 0 : update.formBytes());
    }

    private static long routeBytes(List<Route> routes) {
        long bytes = 0;
        for (Route route : routes) {
            bytes += ROUTE_BYTES
                    + Integer.BYTES
                    + hostBytes(route).length
                    + (long) route.nodes().size() * FrameLayout.NODE_BYTES
                    + routeBytes(route.below());
        }
        return bytes;
    }

    private static byte[] hostBytes(Route route) {
        return route.address().host().getBytes(StandardCharsets.UTF_8);
    }

    private static void writeRoutes(List<Route> routes, ByteBuffer out) {
        out.putInt(routes.size());
        for (Route route : routes) {
            byte[] host = hostBytes(route);
            out.putInt(route.member()).putInt(route.address().port()).putInt(host.length);
            out.putInt(route.nodes().size()).put(host);
            writeNodes(route.nodes(), out);
            writeRoutes(route.below(), out);
        }
    }

    private static void writeNodes(List<Node> nodes, ByteBuffer out) {
        for (int i = 0; i < nodes.size(); i++) {
            Node node = nodes.get(i);
            out.putInt(node.low()).putInt(node.high());
        }
    }

    /**
     * Reads an order, whose form of the weights is left where it lies.
     *
     * @throws FrameLayout.MalformedFrameException if it is none
     */
    Order read(ByteBuffer frame) {
        Work.Kind kind = switch (frame.getInt(FrameLayout.TYPE_OFFSET)) {
            case FrameLayout.LOAD -> Work.Kind.LOAD;
            case FrameLayout.GRADIENT -> Work.Kind.GRADIENT;
            case FrameLayout.SCORE -> Work.Kind.SCORE;
            case FrameLayout.REPORT -> Work.Kind.REPORT;
            default ->
                throw new FrameLayout.MalformedFrameException(
                        "type of an order: found " + frame.getInt(FrameLayout.TYPE_OFFSET));
        };
        boolean hasWeights = kind == Work.Kind.GRADIENT || kind == Work.Kind.SCORE;
        int member = frame.getInt(FrameLayout.MEMBER_OFFSET);
        // A worker of a run with fewer shards than workers may have nothing to load.
        List<Node> nodes = nodes(frame, frame.getInt(FrameLayout.COUNT_OFFSET));
        FrameLayout.require(!nodes.isEmpty() || kind == Work.Kind.LOAD, "nodes of an order, at least", 1, 0);
        List<Route> below = hasWeights ? routes(frame, 0) : List.of();
        Split split = kind == Work.Kind.SCORE ? split(frame) : null;
        int lingerMicros = kind == Work.Kind.GRADIENT ? lingerMicros(frame) : 0;
        WeightsUpdate update = hasWeights ? update(frame) : null;
        FrameLayout.require(!frame.hasRemaining(), "bytes after an order", 0, frame.remaining());
        Coordinator.Round round = new Coordinator.Round(
                frame.getLong(FrameLayout.ROUND_OFFSET),
                kind,
                frame.getLong(FrameLayout.STEP_OFFSET),
                split,
                null,
                lingerMicros);
        return new Order(round, new Route(member, null, nodes, below), update);
    }

    private List<Node> nodes(ByteBuffer frame, int count) {
        FrameLayout.require(count >= 0 && count <= plan.shards(), "nodes, at most", plan.shards(), count);
        List<Node> nodes = new ArrayList<>(count);
        int end = 0;
        for (int i = 0; i < count; i++) {
            Node node = FrameLayout.node(frame, plan.shards());
            FrameLayout.require(i == 0 || node.low() >= end, "first shard of a node, at least", end, node.low());
            end = node.high();
            nodes.add(node);
        }
        return nodes;
    }

    private List<Route> routes(ByteBuffer frame, int depth) {
        requireBytes(frame, Integer.BYTES, "bytes of a number of workers");
        int count = frame.getInt();
        FrameLayout.require(
                depth < Route.MAX_DEPTH || count == 0, "depth of the tree, at most", Route.MAX_DEPTH, depth + 1L);
        FrameLayout.require(count >= 0 && count <= plan.shards(), "workers below, at most", plan.shards(), count);
        List<Route> routes = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            requireBytes(frame, ROUTE_BYTES, "bytes of a worker below");
            int member = frame.getInt();
            int port = frame.getInt();
            int hostBytes = frame.getInt();
            int nodeCount = frame.getInt();
            FrameLayout.require(port > 0 && port < 1 << 16, "port of a worker below, at most", (1 << 16) - 1, port);
            FrameLayout.require(hostBytes > 0 && hostBytes <= MAX_HOST_BYTES, "bytes of a host", 1, hostBytes);
            requireBytes(frame, hostBytes, "bytes of a host");
            byte[] host = new byte[hostBytes];
            frame.get(host);
            List<Node> nodes = nodes(frame, nodeCount);
            FrameLayout.require(!nodes.isEmpty(), "nodes of a worker below, at least", 1, 0);
            Route.Address address = new Route.Address(new String(host, StandardCharsets.UTF_8), port);
            routes.add(new Route(member, address, nodes, routes(frame, depth + 1)));
        }
        return routes;
    }

    private static Split split(ByteBuffer frame) {
        int detail = frame.getInt(FrameLayout.DETAIL_OFFSET);
        Split[] splits = Split.values();
        FrameLayout.require(detail >= 0 && detail < splits.length, "number of a split, below", splits.length, detail);
        return splits[detail];
    }

    private static int lingerMicros(ByteBuffer frame) {
        int micros = frame.getInt(FrameLayout.DETAIL_OFFSET);
        FrameLayout.require(
                micros >= 0 && micros <= FrameLayout.MAX_LINGER_MICROS,
                "microseconds to linger, at most",
                FrameLayout.MAX_LINGER_MICROS,
                micros);
        return micros;
    }

    private WeightsUpdate update(ByteBuffer frame) {
        requireBytes(frame, VERSIONS_BYTES, "bytes of versions");
        long base = frame.getLong();
        long version = frame.getLong();
        FrameLayout.require(version > 0, "version of the weights, at least", 1, version);
        FrameLayout.require(base >= 0 && base <= version, "version to begin with, at most", version, base);
        ByteBuffer form = null;
        if (base != version) {
            int length = codec.length(frame);
            FrameLayout.require(frame.remaining() == length, "bytes of weights", length, frame.remaining());
            form = frame.duplicate().order(frame.order());
            frame.position(frame.limit());
        }
        return new WeightsUpdate(base, version, form);
    }

    private static void requireBytes(ByteBuffer frame, int bytes, String what) {
        FrameLayout.require(frame.remaining() >= bytes, what, bytes, frame.remaining());
    }
}
