package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.data.Split;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.Score;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.storage.BlockManagerMaster;
import org.apache.spark.storage.RDDBlockId;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.SerializableConfiguration;

/**
 * The engine {@code job}: one Spark job a step. The weights are broadcast, each task computes the part of its cached
 * worker, the parts are collected and the driver adds them up. An executor that is lost costs its tasks a retry: the
 * others load its shards from the files.
 */
public final class JobGradientSource implements GradientSource {
    private final JavaSparkContext spark;
    private final StepPlan plan;
    private final int tasks;
    private final ReductionTree tree;
    private final Broadcast<SerializableConfiguration> conf;
    private final JavaRDD<ResidentWorker> workers;
    private final LoadReport data;
    private List<GradientPart> parts = List.of();

    /**
     * Loads the shards into the executors.
     *
     * @param tasks tasks that the shards are spread over; more than there are shards stay idle
     * @throws BadInputException if a file is damaged, or the shards do not fit Spark's storage memory
     */
    public JobGradientSource(JavaSparkContext spark, StepPlan plan, int tasks) {
        this.spark = spark;
        this.plan = plan;
        this.tasks = tasks;
        this.tree = new ReductionTree(plan.shards(), plan.kernels());
        this.conf = SerializableConfiguration.broadcast(spark.sc());
        List<Integer> numbers = IntStream.range(0, tasks).boxed().toList();
        this.workers = spark.parallelize(numbers, tasks)
                .map(load(plan, tasks, conf))
                .setName("Lockstep shards")
                .persist(StorageLevel.MEMORY_ONLY());
        try {
            this.data = load();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    // Functions that travel are made by static methods, so that they carry their arguments and not this object.

    private static Function<Integer, ResidentWorker> load(
            StepPlan plan, int tasks, Broadcast<SerializableConfiguration> conf) {
        return task -> {
            int low = (int) ((long) task * plan.shards() / tasks);
            int high = (int) ((task + 1L) * plan.shards() / tasks);
            Configuration hadoop = conf.value().value();
            return new ResidentWorker(hadoop, plan, low, high);
        };
    }

    private static Function<ResidentWorker, List<GradientPart>> gradientOf(long step, Broadcast<Parameters> weights) {
        return resident -> new ArrayList<>(resident.worker().gradient(step, weights.value()));
    }

    private static Function<ResidentWorker, List<Score>> scoreOf(Split split, Broadcast<Parameters> weights) {
        return resident -> resident.worker().score(split, weights.value());
    }

    private LoadReport load() {
        spark.setJobDescription("Lockstep: load " + plan.shards() + " shards");
        LoadReport report = workers.map(ResidentWorker::report).collect().stream()
                .map(TaskOutcome::get)
                .reduce(new LoadReport(0, 0, 0), LoadReport::plus);
        int cached = cachedPartitions();
        if (cached < tasks) {
            throw new BadInputException("the shards take " + report.offHeapBytes() + " bytes and only " + cached
                    + " of "
                    + tasks + " parts fit Spark's storage memory: give it more with --driver-memory (local master) or"
                    + " --executor-memory");
        }
        return report;
    }

    /** Asks the master of the block managers, who knows at once; what Spark's UI knows comes later. */
    private int cachedPartitions() {
        BlockManagerMaster blocks = SparkEnv.get().blockManager().master();
        return (int) IntStream.range(0, tasks)
                .filter(task ->
                        blocks.getLocations(new RDDBlockId(workers.id(), task)).nonEmpty())
                .count();
    }

    @Override
    public GradientPart gradient(long step, Parameters weights) {
        closeParts();
        spark.setJobDescription("Lockstep: step " + step);
        Broadcast<Parameters> snapshot = broadcast(weights);
        try {
            parts = workers.map(gradientOf(step, snapshot)).collect().stream()
                    .flatMap(List::stream)
                    .toList();
        } finally {
            snapshot.destroy();
        }
        return tree.reduce(parts);
    }

    @Override
    public Score score(Split split, Parameters weights) {
        spark.setJobDescription("Lockstep: score " + split);
        Broadcast<Parameters> snapshot = broadcast(weights);
        try {
            Score sum = new Score(plan.shape().outputs());
            workers.map(scoreOf(split, snapshot)).collect().forEach(scores -> scores.forEach(sum::add));
            return sum;
        } finally {
            snapshot.destroy();
        }
    }

    @Override
    public LoadReport data() {
        return data;
    }

    @Override
    public String engine() {
        return "job";
    }

    @Override
    public int tasks() {
        return tasks;
    }

    /** Broadcasts a copy, since Spark closes the value when the broadcast is destroyed, here as on the executors. */
    private Broadcast<Parameters> broadcast(Parameters weights) {
        return spark.broadcast(weights.copy());
    }

    private void closeParts() {
        parts.forEach(GradientPart::close);
        parts = List.of();
    }

    @Override
    public void close() {
        closeParts();
        workers.unpersist(true);
        conf.destroy();
    }
}
