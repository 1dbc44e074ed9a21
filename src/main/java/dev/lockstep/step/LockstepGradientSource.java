package dev.lockstep.step;

import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import dev.lockstep.optim.Optimizer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine {@code lockstep}: one ordinary Spark stage that lives for the whole run. Its tasks are workers that keep their
 * shards and exchange with the driver at every step; no Spark job is started in between. Workers in the driver's own
 * process exchange through memory, and the training thread computes with them while it would otherwise wait. With workers in
 * other processes, the thread that brings a step's last part ends the step ({@link StepRun}), and the training thread watches.
 */
public final class LockstepGradientSource implements GradientSource {
    private static final Logger LOG = LoggerFactory.getLogger(LockstepGradientSource.class);

    private static final long END_TIMEOUT_SECONDS = 20;

    /** From so many steps on it pays to have the code compiled before the first one. */
    private static final long LONG_RUN_STEPS = 1_000;

    /** How long the training thread looks for parts of threads of its own process, yielding its core, before it parks. */
    private static final long YIELD_NANOS = 1_000_000;

    /** How long workers linger, if that is faster: longer than the others and the driver need for their part of a short step. */
    private static final int LINGER_MICROS = 1_000;

    private static final String JOB_GROUP = "spark.jobGroup.id";

    private static final String JOB_DESCRIPTION = "spark.job.description";

    /** What is set for the stage, and as before after that. */
    private static final List<String> JOB_PROPERTIES =
            List.of(JOB_GROUP, JOB_DESCRIPTION, "spark.job.interruptOnCancel", RunProgress.RUN_ID);

    private static final long PARK_NANOS = 10_000_000;

    private final StepPlan plan;
    private final int tasks;
    private final ReductionTree tree;
    private final Node root;
    private final Coordinator coordinator;
    private final ExchangeServer server;
    private final LocalMember local;
    private final RunProgress progress;
    private final JavaFutureAction<Void> stage;
    private final StageWatch watch;
    private final LoadReport data;
    private final Deque<Runnable> held = new ArrayDeque<>(); // what closes the things that are open, the last first
    private final boolean isLocal; // then the training thread computes its share, and waits for little
    private final LingerChoice lingerChoice = new LingerChoice();
    private long rounds;

    /** Like the other constructor, for runs of a few steps. */
    public LockstepGradientSource(JavaSparkContext spark, StepPlan plan, int tasks, int fanIn) {
        this(spark, plan, tasks, ExchangeSettings.DEFAULT.withFanIn(fanIn), false, Optional.empty());
    }

    /**
     * Starts the stage and waits until the first workers have loaded the data.
     *
     * @param tasks tasks of the stage; those that find no slot join when slots come
     * @param rehearses whether workers have the code compiled before they are ready, which takes them a second; see {@link
     *     #isWorthRehearsing}
     * @param early what was begun for workers in this process; its shards belong to this object from now on
     * @throws dev.lockstep.BadInputException if a file is damaged, or the network is too large for the exchange
     * @throws WorkersMissingException if no worker comes in time
     */
    public LockstepGradientSource(
            JavaSparkContext spark,
            StepPlan plan,
            int tasks,
            ExchangeSettings settings,
            boolean rehearses,
            Optional<EarlyStart> early) {
        this.plan = plan;
        this.tasks = tasks;
        this.tree = new ReductionTree(plan.shards(), plan.kernels());
        this.root = new Node(0, plan.shards());
        this.isLocal = spark.isLocal();
        if (!isLocal) {
            ExchangeTransport.requireFrames(plan);
        }
        this.coordinator = new Coordinator(plan, settings.fanIn());
        RunTicket ticket = RunTicket.fresh(spark.getConf().get("spark.driver.host"), settings, rehearses);
        try {
            Broadcast<SerializableConfiguration> conf = SerializableConfiguration.broadcast(spark.sc());
            held.push(() -> destroy(conf));
            ShardStore shards =
                    early.map(EarlyStart::takeOver).orElseGet(() -> new ShardStore(spark.hadoopConfiguration(), plan));
            Rehearsal rehearsal =
                    early.map(EarlyStart::rehearsal).orElseGet(() -> new Rehearsal(plan, shards, rehearses));
            this.local = new LocalMember(plan, shards, rehearsal, coordinator, ticket.runId());
            held.push(local::close);
            this.server = new ExchangeServer(spark.getConf(), ticket, plan, coordinator);
            held.push(server::close);
            this.progress = new RunProgress(spark.sc(), ticket.runId());
            held.push(progress::close);
            this.stage = submit(spark, ticket.runId(), work(ticket.at(server.port()), plan, conf));
            this.watch = new StageWatch(stage, coordinator, settings);
        } catch (RuntimeException | Error e) { // as when the context has been stopped
            release();
            throw e;
        }
        try {
            this.data = load();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Submits the stage with the calling thread's properties: whoever has put this thread into a job group, or given it a tag,
     * cancels the training by it. Without a group it gets one of its own, whose tasks are interrupted when it is cancelled.
     */
    private JavaFutureAction<Void> submit(JavaSparkContext spark, String runId, VoidFunction<Iterator<Integer>> work) {
        Map<String, String> before = new HashMap<>();
        JOB_PROPERTIES.forEach(key -> before.put(key, spark.getLocalProperty(key)));
        try {
            String description = before.get(JOB_DESCRIPTION);
            if (before.get(JOB_GROUP) == null) {
                spark.setJobGroup("lockstep-" + runId, description, true);
            }
            if (description == null) {
                spark.setJobDescription("Lockstep: training " + plan.shape() + " on "
                        + plan.train().name());
            }
            spark.setLocalProperty(RunProgress.RUN_ID, runId);
            List<Integer> numbers = IntStream.range(0, tasks).boxed().toList();
            return spark.parallelize(numbers, tasks).foreachPartitionAsync(work);
        } finally {
            before.forEach(spark::setLocalProperty);
        }
    }

    /** What is destroyed with its context needs no end of its own. */
    private static void destroy(Broadcast<?> broadcast) {
        if (SparkEnv.get() != null) {
            broadcast.destroy();
        }
    }

    /** Closes what was opened, the last first. */
    private void release() {
        while (!held.isEmpty()) {
            held.pop().run();
        }
    }

    /** Tasks for whoever does not say how many: one a core, but not more than shards. */
    public static int defaultTasks(JavaSparkContext spark, StepPlan plan) {
        if (!spark.isLocal()) {
            // How many slots executors will have is not known before they are there. Tasks without a slot cost nothing.
            return plan.shards();
        }
        return Math.min(plan.shards(), spark.defaultParallelism());
    }

    /** Whether so many steps are worth a rehearsal. */
    public static boolean isWorthRehearsing(long steps) {
        return steps >= LONG_RUN_STEPS;
    }

    /** Made by a static method, so that it carries its arguments and not this object. */
    private static VoidFunction<Iterator<Integer>> work(
            RunTicket ticket, StepPlan plan, Broadcast<SerializableConfiguration> conf) {
        return partition -> WorkerTask.run(ticket, plan, conf.value().value());
    }

    private LoadReport load() {
        run(Work.Kind.REPORT, -1, null, null);
        LoadReport sum = new LoadReport(0, 0, 0);
        for (ShardResult result : coordinator.results()) {
            sum = sum.plus(result.report());
        }
        return sum;
    }

    @Override
    public GradientPart gradient(long step, Parameters weights) {
        run(Work.Kind.GRADIENT, step, null, weights);
        return reduce();
    }

    private GradientPart reduce() {
        GradientPart gradient = tree.reduce(root, coordinator.parts());
        progress.add(gradient);
        return gradient;
    }

    @Override
    public void steps(long first, Parameters weights, StepEnd end) {
        if (isLocal) {
            GradientSource.super.steps(first, weights, end);
            return;
        }
        StepRun steps = new StepRun(first, new StepRounds(weights), end);
        try {
            steps.begin();
            await(steps);
        } catch (RuntimeException | Error e) {
            steps.stop();
            steps.requireSuccess(); // what ended the steps before this did
            throw e;
        }
        steps.requireSuccess();
    }

    private void await(StepRun steps) {
        long watched = -1;
        while (!steps.isOver()) {
            long now = System.nanoTime();
            if (coordinator.isComplete() || steps.step() != watched) { // nobody is waited for, or not since then
                watched = steps.step();
                watch.begin(now);
                watch.requireNotStopped();
            } else {
                watch.requireProgress(now);
            }
            LockSupport.parkNanos(this, PARK_NANOS);
        }
    }

    /** The rounds of steps that follow each other without the training thread. */
    private final class StepRounds implements StepRun.Rounds {
        private final Parameters weights;

        StepRounds(Parameters weights) {
            this.weights = weights;
        }

        @Override
        public void begin(long step, Runnable whenComplete) {
            int lingerMicros = lingerChoice.lingers(System.nanoTime()) ? LINGER_MICROS : 0;
            LockstepGradientSource.this.begin(
                    new Coordinator.Round(rounds++, Work.Kind.GRADIENT, step, null, weights, lingerMicros),
                    whenComplete);
        }

        @Override
        public GradientPart gradient() {
            return reduce();
        }
    }

    @Override
    public void update(Optimizer optimizer, float learningRate, GradientPart gradient, Parameters weights) {
        local.update(optimizer, learningRate, gradient.values(), weights);
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

    private void begin(Coordinator.Round round, Runnable whenComplete) {
        watch.requireStage();
        coordinator.begin(round, whenComplete);
    }

    /** A round that the training thread waits for. */
    private void run(Work.Kind kind, long step, Split split, Parameters weights) {
        begin(new Coordinator.Round(rounds++, kind, step, split, weights), null);
        long beganNanos = System.nanoTime();
        watch.begin(beganNanos);
        long yieldUntil = beganNanos + (isLocal ? YIELD_NANOS : 0);
        // It never yields between helping and looking: while a run is young, the JVM's compiler has one of two cores,
        // and on the other this thread computes alone. A task that got that core would have nothing to do, and spin.
        for (local.help(); !coordinator.isComplete(); local.help()) {
            long now = System.nanoTime();
            if (now < yieldUntil) {
                Thread.yield();
            } else {
                LockSupport.parkNanos(this, PARK_NANOS);
                if (!coordinator.isComplete()) { // or it would wait for the monitor that its waker still holds
                    watch.requireProgress(now);
                }
            }
        }
    }

    @Override
    public LoadReport data() {
        return data;
    }

    @Override
    public String engine() {
        return "lockstep";
    }

    @Override
    public int tasks() {
        return tasks;
    }

    @Override
    public Counters counters() {
        return new Counters(
                coordinator.lostCount(),
                coordinator.joinedCount(),
                coordinator.refusedCount(),
                server.strangers(),
                server.bytesUp(),
                server.bytesDown());
    }

    @Override
    public List<WorkerTimes> workerTimes() {
        return coordinator.workerTimes();
    }

    @Override
    public void close() {
        progress.close(); // its last word is to come before the stage's end
        boolean isDeserted =
                coordinator.isEmpty(); // then no task runs, and those that wait for a slot may wait for ever
        coordinator.end();
        local.over();
        if (isDeserted) {
            stage.cancel(true);
        }
        try {
            stage.get(END_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            LOG.warn("the workers' stage has not ended {} s after the run; it is cancelled", END_TIMEOUT_SECONDS);
            stage.cancel(true);
        } catch (ExecutionException | CancellationException e) {
            LOG.debug("the workers' stage ended with", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            stage.cancel(true);
        }
        release();
    }
}
