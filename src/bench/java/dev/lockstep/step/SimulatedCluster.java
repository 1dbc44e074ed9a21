package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.step.StepCost.Machine;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;

/**
 * A driver and its workers in one process, on a {@link SimulatedNetwork}: the real {@link Coordinator} and {@link RemoteMembers},
 * real sessions and relays, real frames and sums. The calling thread is the training thread, and lets virtual time pass
 * while it would wait. Owns everything, also the shards, which all workers share.
 */
final class SimulatedCluster implements GradientSource {
    /** How long a worker takes to load its shards. */
    static final double LOAD_SECONDS = 0.01;

    /** How long a worker waits for the welcome of one that does not answer. */
    static final double WELCOME_SECONDS = 0.5;

    private static final double COME_BACK_SECONDS = 0.02;
    private static final double PATIENCE_SECONDS = 2;

    /** Decides what else happens. */
    interface Fate {
        /** Called before each event of a round. */
        void beforeEvent(SimulatedCluster cluster);
    }

    private final StepPlan plan;
    private final SimulatedNetwork network;
    private final Fate fate;
    private final ReductionTree tree;
    private final ShardStore store;
    private final PartComputer computer;
    private final StepGradient gradient;
    private final SimulatedProcess driver;
    private final Coordinator coordinator;
    private final RemoteMembers remote;
    private final Wire.Listener members = new FromWorkers();
    private final List<SimulatedWorker> everybody = new ArrayList<>();
    private final Map<Route.Address, SimulatedWorker> present = new HashMap<>();
    private final LoadReport data;
    private double heardSeconds;
    private double completeSeconds;
    private boolean hasBegun;
    private int impatience;
    private int dismissed;
    private long rounds;

    /**
     * Loads the data, and starts the workers.
     *
     * @param fate may let workers come and go; null for nothing
     */
    SimulatedCluster(
            Configuration conf, StepPlan plan, SimulatedNetwork network, int workers, int fanIn, Fate fate) {
        this.plan = plan;
        this.network = network;
        this.fate = fate;
        this.tree = new ReductionTree(plan.shards(), plan.kernels());
        this.store = new ShardStore(conf, plan);
        BitSet all = new BitSet();
        all.set(0, plan.shards());
        store.load(all);
        this.computer = new PartComputer(plan, store.maxGroups());
        this.gradient = new StepGradient(plan);
        this.driver = new SimulatedProcess(network, "driver");
        this.coordinator = new Coordinator(plan, fanIn);
        this.remote = new RemoteMembers(plan, coordinator);
        for (int i = 0; i < workers; i++) {
            add();
        }
        while (coordinator.readyCount() < workers) {
            network.step();
        }
        run(Work.Kind.REPORT, -1, null, null);
        LoadReport sum = new LoadReport(0, 0, 0);
        for (ShardResult result : coordinator.results()) {
            sum = sum.plus(result.report());
        }
        this.data = sum;
    }

    // --- The parts of the cluster ---

    StepPlan plan() {
        return plan;
    }

    SimulatedNetwork network() {
        return network;
    }

    ShardStore store() {
        return store;
    }

    StepGradient gradient() {
        return gradient;
    }

    PartComputer computer() {
        return computer;
    }

    SimulatedProcess driver() {
        return driver;
    }

    Wire.Listener members() {
        return members;
    }

    /** Workers that have not gone, silent or not, in the order in which they came. */
    List<SimulatedWorker> workers() {
        return everybody.stream().filter(worker -> !worker.isGone()).toList();
    }

    /** Who listens there; null for nobody. */
    SimulatedWorker at(Route.Address address) {
        return present.get(address);
    }

    /** A new worker comes. */
    SimulatedWorker add() {
        int number = everybody.size();
        Route.Address address = new Route.Address("executor-" + number, 1 + number);
        SimulatedProcess process = new SimulatedProcess(network, "worker " + number);
        SimulatedWorker worker = new SimulatedWorker(this, process, address);
        everybody.add(worker);
        present.put(address, worker);
        worker.join();
        return worker;
    }

    void left(SimulatedWorker worker) {
        present.remove(worker.address());
    }

    /** The driver went on without a worker that lives; Spark starts its task anew. */
    void dismissed() {
        dismissed++;
        network.at(network.nowSeconds() + COME_BACK_SECONDS, this::add);
    }

    /** Workers that live and were told that the run goes on without them. */
    int dismissedCount() {
        return dismissed;
    }

    /** How often nothing was heard of anybody for so long that the driver lost its patience. */
    int impatienceCount() {
        return impatience;
    }

    /** When the last round was whole, in virtual time. */
    double completeSeconds() {
        return completeSeconds;
    }

    // --- The training thread ---

    @Override
    public GradientPart gradient(long step, Parameters weights) {
        run(Work.Kind.GRADIENT, step, null, weights);
        return tree.reduce(new Node(0, plan.shards()), coordinator.parts());
    }

    @Override
    public Score score(Split split, Parameters weights) {
        run(Work.Kind.SCORE, -1, split, weights);
        Score sum = new Score(plan.shape().outputs());
        for (ShardResult result : coordinator.results()) {
            sum.add(result.score());
        }
        return sum;
    }

    private void run(Work.Kind kind, long step, Split split, Parameters weights) {
        Machine machine = network.machine();
        double seconds = machine.updateSeconds() + machine.memberSeconds() * present.size();
        hasBegun = false;
        driver.submit(seconds, () -> {
            coordinator.begin(new Coordinator.Round(rounds++, kind, step, split, weights));
            hasBegun = true;
        });
        heardSeconds = network.nowSeconds();
        int patienceLost = 0;
        while (!hasBegun || !coordinator.isComplete()) {
            if (fate != null) {
                fate.beforeEvent(this);
            }
            if (network.nextSeconds() <= heardSeconds + PATIENCE_SECONDS) {
                network.step();
            } else {
                beImpatient(++patienceLost);
            }
        }
        completeSeconds = driver.clockSeconds();
    }

    /** As the training thread of {@link LockstepGradientSource} is when it has not heard of anybody for ten minutes. */
    private void beImpatient(int times) {
        if (times > 2 * everybody.size() + 2 || coordinator.isEmpty() && network.nextSeconds() == Double.POSITIVE_INFINITY) {
            throw new IllegalStateException("a round hangs: " + coordinator.missing());
        }
        impatience++;
        network.waitUntil(heardSeconds + PATIENCE_SECONDS);
        heardSeconds = network.nowSeconds();
        if (coordinator.readyCount() > 0) {
            driver.submit(0, () -> coordinator.dropMissing("silent"));
        }
    }

    @Override
    public LoadReport data() {
        return data;
    }

    @Override
    public String engine() {
        return "simulation";
    }

    @Override
    public int tasks() {
        return present.size();
    }

    @Override
    public Counters counters() {
        return new Counters(
                coordinator.lostCount(),
                coordinator.joinedCount(),
                coordinator.refusedCount(),
                0,
                remote.bytesUp(),
                remote.bytesDown());
    }

    @Override
    public void close() {
        coordinator.end();
        everybody.forEach(SimulatedWorker::close);
        remote.close();
        computer.close();
        gradient.close();
        store.close();
    }

    /** What workers say, and that they said something. */
    private final class FromWorkers implements Wire.Listener {
        @Override
        public void received(Wire wire, ByteBuffer frame) {
            heardSeconds = network.nowSeconds();
            remote.received(wire, frame);
        }

        @Override
        public void closed(Wire wire) {
            heardSeconds = network.nowSeconds();
            remote.closed(wire);
        }
    }
}
