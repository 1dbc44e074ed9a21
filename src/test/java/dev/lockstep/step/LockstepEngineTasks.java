package dev.lockstep.step;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;

/** Counts tasks and jobs, and kills tasks. */
final class LockstepEngineTasks extends SparkListener {
    final AtomicInteger started = new AtomicInteger();
    final AtomicInteger killed = new AtomicInteger();
    final AtomicInteger failed = new AtomicInteger();
    final AtomicInteger jobs = new AtomicInteger();
    private final Set<Long> running = ConcurrentHashMap.newKeySet();
    private final SparkContext spark;

    LockstepEngineTasks(SparkContext spark) {
        this.spark = spark;
        spark.addSparkListener(this);
    }

    @Override
    public void onTaskStart(SparkListenerTaskStart start) {
        running.add(start.taskInfo().taskId());
        started.incrementAndGet();
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
        running.remove(end.taskInfo().taskId());
        if (end.taskInfo().killed()) {
            killed.incrementAndGet();
        } else if (end.taskInfo().failed()) {
            failed.incrementAndGet();
        }
    }

    @Override
    public void onJobStart(SparkListenerJobStart start) {
        jobs.incrementAndGet();
    }

    @Override
    public void onJobEnd(SparkListenerJobEnd end) {
        jobs.decrementAndGet();
    }

    List<Long> running() {
        return List.copyOf(running);
    }

    void awaitRunning(int tasks) {
        Await.until(() -> "expected " + tasks + " tasks, found " + running, () -> running.size() >= tasks);
    }

    void awaitNoJob() {
        Await.until(
                () -> jobs + " jobs and tasks " + running + " are left", () -> jobs.get() == 0 && running.isEmpty());
    }

    /** Kills all tasks that run now; Spark tries them again. */
    void killAll() {
        running().forEach(task -> spark.killTaskAttempt(task, true, "the test wants to"));
    }
}
