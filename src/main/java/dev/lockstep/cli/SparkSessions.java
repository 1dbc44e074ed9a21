package dev.lockstep.cli;

import dev.lockstep.step.LockstepKryoRegistrator;
import dev.lockstep.train.MetricsPlugin;
import dev.lockstep.tune.TuneKryoRegistrator;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.deploy.SparkHadoopUtil;

/** Starts Spark the way every command needs it. */
final class SparkSessions {
    /**
     * How often Spark tries a worker's task again. A lost executor counts as its tasks' failure, and a run of days may lose many
     * and go on; Spark's own limit of 4 would end it. There is a limit all the same, for workers that die of what they do.
     */
    private static final String WORKER_TRIES = "1000";

    private static final String PLUGINS = "spark.plugins";

    private SparkSessions() {}

    /** As {@link #start}, for tasks that stay for a whole run and whose loss does it no harm. */
    static JavaSparkContext startForWorkers(String name) {
        return start(name, withMetrics(new SparkConf()).setIfMissing("spark.task.maxFailures", WORKER_TRIES));
    }

    /** The same with one Spark job a step. */
    static JavaSparkContext startForJobs(String name) {
        return start(name, withMetrics(new SparkConf()));
    }

    /** Adds the source of a run's metrics to whatever plugins the user wants. */
    private static SparkConf withMetrics(SparkConf conf) {
        String ours = MetricsPlugin.class.getName();
        String plugins = conf.get(PLUGINS, "");
        return Arrays.asList(plugins.split("\\s*,\\s*")).contains(ours)
                ? conf
                : conf.set(PLUGINS, plugins.isBlank() ? ours : plugins + "," + ours);
    }

    /** A new context, which the caller closes. Master and resources are spark-submit's business. */
    static JavaSparkContext start(String name) {
        return start(name, new SparkConf());
    }

    private static JavaSparkContext start(String name, SparkConf conf) {
        conf.setAppName(name)
                // Whatever crosses the wire or is cached goes through serializers that we wrote, and a class that was
                // forgotten is an error instead of a slow, fat stream of names.
                .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .set("spark.kryo.registrationRequired", "true")
                .set(
                        "spark.kryo.registrator",
                        LockstepKryoRegistrator.class.getName() + "," + TuneKryoRegistrator.class.getName());
        ClusterDriver.takeSecret(conf);
        return new JavaSparkContext(conf);
    }

    /** Whether spark-submit was told to run tasks in this process. */
    static boolean isLocal() {
        String master = new SparkConf().get("spark.master", "");
        return master.equals("local") || master.startsWith("local[");
    }

    /** Hadoop's configuration with spark-submit's spark.hadoop.* settings, also for commands that start no Spark. */
    static Configuration hadoop() {
        Configuration hadoop = SparkHadoopUtil.get().newConfiguration(new SparkConf());
        ClusterDriver.adoptDirectory(hadoop);
        return hadoop;
    }
}
