package dev.lockstep.step;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A driver's end of the exchange that listens, its coordinator, and clients of it. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
abstract class ExchangeServerSetup {
    static final long SEED = 5;
    static final int SHARDS = 8;
    static final Node LEFT = new Node(0, 4);
    static final Node RIGHT = new Node(4, 8);

    static JavaSparkContext spark;

    @TempDir
    Path directory;

    final RunTicket ticket = RunTicket.fresh("127.0.0.1", ExchangeSettings.DEFAULT, false);
    StepPlan plan;
    Coordinator coordinator;
    ExchangeServer server;
    Parameters values;

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
        plan = SmallSet.in(directory, Storage.PLAIN).plan(SHARDS, 16, Sampling.EPOCH, 0);
        coordinator = new Coordinator(plan);
        server = new ExchangeServer(spark.getConf(), ticket, plan, coordinator);
        values = RandomNet.parameters(plan.shape(), 1, new Random(SEED));
    }

    @AfterEach
    void free() {
        coordinator.end();
        server.close();
        values.close();
    }

    final ExchangeRawClient connect() throws IOException, InterruptedException {
        return new ExchangeRawClient(spark.getConf(), server.port());
    }

    /** One that waits for orders. */
    final ExchangeRawClient ready(String name) throws IOException, InterruptedException {
        int before = coordinator.readyCount();
        ExchangeRawClient client = connect().enter(ticket, name);
        client.send(ExchangeFrames.ready(client.member()));
        Await.until(() -> name + " is not ready", () -> coordinator.readyCount() > before);
        return client;
    }

    final void begin(long number) {
        coordinator.begin(new Coordinator.Round(number, Work.Kind.GRADIENT, 70 + number, null, values));
    }

    final void awaitWhole() {
        Await.until(coordinator::missing, coordinator::isComplete);
    }
}
