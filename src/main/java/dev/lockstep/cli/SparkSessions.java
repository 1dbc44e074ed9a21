package dev.lockstep.cli;

import dev.lockstep.step.LockstepKryoRegistrator;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.deploy.SparkHadoopUtil;

/** Starts Spark the way every command needs it. */
final class SparkSessions {
    private SparkSessions() {}

    /** A new context, which the caller closes. Master and resources are spark-submit's business. */
    static JavaSparkContext start(String name) {
        SparkConf conf = new SparkConf()
                .setAppName(name)
                // Whatever crosses the wire or is cached goes through serializers that we wrote, and a class that was
                // forgotten is an error instead of a slow, fat stream of names.
                .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
                .set("spark.kryo.registrationRequired", "true")
                .set("spark.kryo.registrator", LockstepKryoRegistrator.class.getName());
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
