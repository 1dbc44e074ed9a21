package dev.lockstep.step;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkConf;

/**
 * Measures the exchange's own connections over the loopback interface: frames go to and fro, each over a connection of its own,
 * between two threads, one at each end. Needs a Spark context.
 */
final class WireMeasurement {
    private static final int CONNECTIONS = 16;
    private static final List<Integer> FRAME_BYTES = List.of(64, 16_384, 65_536, 131_072);
    private static final long WARM_UP_NANOS = 500_000_000;
    private static final long MEASURE_NANOS = 1_000_000_000;
    private static final double NANOS_PER_SECOND = 1e9;
    private static final String HOST = "127.0.0.1";

    private final SparkConf conf;

    WireMeasurement(SparkConf conf) {
        this.conf = conf;
    }

    /**
     * What frames cost.
     *
     * @param frameSeconds of a CPU, for a frame without bytes, at either end
     * @param copySecondsPerByte likewise, for each byte
     * @param latencySeconds one way, beyond what it costs the CPUs at both ends: waking threads, mostly
     */
    record Frames(double frameSeconds, double copySecondsPerByte, double latencySeconds) {}

    Frames frames() throws IOException {
        int points = FRAME_BYTES.size();
        double[] ones = new double[points];
        double[] bytes = new double[points];
        double[] seconds = new double[points];
        for (int i = 0; i < points; i++) {
            ones[i] = 1;
            bytes[i] = FRAME_BYTES.get(i);
            // Both threads are busy all the time: each receives and sends once while a frame goes to and fro.
            seconds[i] = goSeconds(CONNECTIONS, FRAME_BYTES.get(i)) / 2;
        }
        double[] line = Timing.fit(ones, bytes, seconds);
        double aloneSeconds = goSeconds(1, FRAME_BYTES.get(0)) / 2;
        return new Frames(line[0], line[1], Math.max(0, aloneSeconds - 2 * line[0]));
    }

    /** Mean seconds between frames that come back, when so many are on their way. */
    private double goSeconds(int connections, int frameBytes) throws IOException {
        RunTicket ticket = RunTicket.fresh(HOST, ExchangeSettings.DEFAULT, false);
        AtomicLong came = new AtomicLong();
        try (ExchangeDoor door =
                        new ExchangeDoor(conf, ticket, HOST, 0, 1, new Echo(frameBytes, new AtomicLong()), frameBytes);
                ExchangeConnector connector = new ExchangeConnector(conf, ticket, frameBytes)) {
            List<Wire> wires = new ArrayList<>();
            for (int i = 0; i < connections; i++) {
                Echo echo = new Echo(frameBytes, came);
                Wire wire = connector.connect(HOST, door.port(), echo);
                wire.send(echo.frameOf(wire), null);
                wires.add(wire);
            }
            sleepUntil(System.nanoTime() + WARM_UP_NANOS);
            long before = came.get();
            long begin = System.nanoTime();
            sleepUntil(begin + MEASURE_NANOS);
            long count = came.get() - before;
            double seconds = (System.nanoTime() - begin) / NANOS_PER_SECOND;
            wires.forEach(Wire::close);
            return seconds / count;
        }
    }

    private static void sleepUntil(long nanos) throws IOException {
        try {
            Thread.sleep(Math.max(0, (nanos - System.nanoTime()) / 1_000_000));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Answers every frame by one of its own. */
    private static final class Echo implements Wire.Listener {
        private final int frameBytes;
        private final AtomicLong came;
        private final Map<Wire, ByteBuffer> frames = new ConcurrentHashMap<>();

        Echo(int frameBytes, AtomicLong came) {
            this.frameBytes = frameBytes;
            this.came = came;
        }

        /** Its frame, which is free when another has come. */
        ByteBuffer frameOf(Wire wire) {
            return frames.computeIfAbsent(wire, key -> newFrame()).duplicate();
        }

        private ByteBuffer newFrame() {
            ByteBuffer frame = FrameLayout.room(frameBytes);
            FrameLayout.start(frame, FrameLayout.READY, 0, 0, -1, -1, 0);
            frame.position(frameBytes);
            return FrameLayout.end(frame);
        }

        @Override
        public void received(Wire wire, ByteBuffer frame) {
            came.incrementAndGet();
            wire.send(frameOf(wire), null);
        }

        @Override
        public void closed(Wire wire) {
            // Nobody waits for it.
        }
    }
}
