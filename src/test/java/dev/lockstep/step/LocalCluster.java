package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Spark with executors that are processes of their own, which can be killed and are replaced then. */
public final class LocalCluster implements AutoCloseable {
    private final int size;
    private final JavaSparkContext spark;

    /** @param executors each of one core */
    public LocalCluster(int executors) {
        this(executors, Map.of());
    }

    /** @param settings of Spark, beside those of every test */
    LocalCluster(int executors, Map<String, String> settings) {
        size = executors;
        String jar = Path.of(System.getProperty("lockstep.project"), "target", "lockstep.jar")
                .toUri()
                .toString();
        SparkConf conf = SmallSet.spark("local-cluster[" + executors + ",1,1024]")
                .set("spark.jars", jar)
                .set("spark.executor.memory", "512m");
        settings.forEach(conf::set);
        spark = new JavaSparkContext(conf);
        awaitExecutors();
    }

    /** The context, which this object closes. */
    public JavaSparkContext spark() {
        return spark;
    }

    /** The Java processes that Spark's workers, which live in this one, have started. */
    public List<ProcessHandle> executors() {
        return ProcessHandle.current()
                .descendants()
                .filter(ProcessHandle::isAlive)
                .filter(process ->
                        process.info().command().map(c -> c.endsWith("java")).orElse(false))
                .toList();
    }

    /** Waits until all are there. */
    public void awaitExecutors() {
        Await.until(
                () -> "expected " + size + " executors, found " + executors().size(),
                // The driver counts itself.
                () -> spark.sc().getExecutorMemoryStatus().size() == size + 1
                        && executors().size() == size);
    }

    /** What kill -9 does. */
    public static void kill(ProcessHandle process) {
        assertThat(process.destroyForcibly()).as("killed %s", process).isTrue();
        process.onExit().orTimeout(60, TimeUnit.SECONDS).join();
    }

    /** Stops a process, as SIGSTOP does, or lets it go on. Returns when it has stopped: until then its threads may go on. */
    static void signal(ProcessHandle process, String name) throws IOException, InterruptedException {
        int status = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .inheritIO()
                .start()
                .waitFor();
        assertThat(status).as("kill -%s %s", name, process).isZero();
        Path state = Path.of("/proc/" + process.pid() + "/stat");
        if (name.equals("STOP") && Files.exists(state)) {
            Await.until(() -> process + " is not stopped", () -> isStopped(state));
        }
    }

    private static boolean isStopped(Path state) {
        try {
            String text = Files.readString(state);
            return text.startsWith(") T", text.lastIndexOf(')'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void awaitJoined(GradientSource source, long workers) {
        Await.until(
                () -> "expected " + workers + " workers that came, found " + source.counters(),
                () -> source.counters().workersJoined() >= workers);
    }

    @Override
    public void close() {
        List<ProcessHandle> left = executors();
        spark.close();
        Await.until(() -> "still there: " + left, () -> left.stream().noneMatch(ProcessHandle::isAlive));
    }
}
