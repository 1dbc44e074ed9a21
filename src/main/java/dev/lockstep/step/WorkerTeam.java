package dev.lockstep.step;

import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads of one process that compute parts of steps: the Spark tasks of a run that are here and, in the driver's
 * process, the training thread, which helps while it would otherwise wait. They share the process's shards and take the
 * units of the work under way one by one. The team owns shards and parts; each thread its own {@link PartComputer}.
 *
 * <p>One work at a time: {@link #submit} comes from one thread after the work before is done. Between works a thread spins
 * for a while before it parks, since waking a parked thread costs as much as a good part of a step.
 */
final class WorkerTeam implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerTeam.class);
    private static final long PARK_NANOS = 100_000_000L; // how late an interruption is noticed at the latest

    private static final long SHORT_PARK_NANOS = 50_000L;
    private static final long CLOSE_NANOS = 600_000_000_000L; // a job that was cancelled is over before its tasks are
    private static final int ABANDONED = Integer.MAX_VALUE / 2; // more units than any work has

    private final StepPlan plan;
    private final ShardStore shards;
    private final Rehearsal rehearsal;
    private final Consumer<Work> done;
    private final long spinNanos;
    private final List<Hand> tasks = new CopyOnWriteArrayList<>();
    private volatile int busyTasks = Integer.MAX_VALUE; // the first so many tasks have work; others sleep soundly
    private final Map<Node, GradientPart> parts = new ConcurrentHashMap<>();
    private final Function<Node, GradientPart> partOf = node -> parts.computeIfAbsent(node, this::newPart);
    private final Ranges ranges = new Ranges();
    private final StepGradient[] gradients; // two: of the step under way, and of the next
    private int steps; // gradients that were computed
    private final AtomicBoolean hasHelper = new AtomicBoolean();
    private Hand helper;
    private final AtomicInteger takers = new AtomicInteger(); // threads that compute units, or are about to
    private volatile Work current;
    private volatile boolean over;

    /**
     * @param shards of the process; the team closes them
     * @param rehearsal with these shards, done when they are loaded
     * @param done called by the thread that ends a work's last unit, or the training thread, see {@link Work}; must not block
     * @param spinNanos how long a thread spins between works before it parks
     */
    WorkerTeam(StepPlan plan, ShardStore shards, Rehearsal rehearsal, Consumer<Work> done, long spinNanos) {
        this.plan = plan;
        this.shards = shards;
        this.rehearsal = rehearsal;
        this.gradients = new StepGradient[] {new StepGradient(plan, ranges), new StepGradient(plan, ranges)};
        this.done = done;
        this.spinNanos = spinNanos;
    }

    /**
     * Hands in the next work and wakes as many tasks as it needs.
     *
     * @param isHelped whether somebody calls {@link #help} now, who does one task's share
     */
    synchronized void submit(Work work, boolean isHelped) {
        work.threads = Math.max(1, tasks.size());
        int sharers = work.threads;
        switch (work.kind) {
            case LOAD -> sharers = 1;
            case UPDATE -> { // by all
            }
            case GRADIENT -> {
                work.isUpdateNext &= tasks.size() > 1;
                work.parts = new GradientPart[work.nodes.size()];
                if (plan.method() == GradientMethod.BACKPROP) {
                    work.gradient = gradients[steps++ & 1];
                } else {
                    sharers = work.units();
                }
            }
            case SCORE, REPORT -> {
                work.results = new ShardResult[plan.shards()];
                sharers = work.units();
            }
        }
        busyTasks = sharers - (isHelped ? 1 : 0);
        current = work;
        wake(busyTasks);
    }

    /** Wakes tasks for what was left to somebody who did not help. */
    void call() {
        busyTasks = Integer.MAX_VALUE;
        wake(tasks.size());
    }

    private void wake(int count) {
        int i = 0;
        for (Hand hand : tasks) {
            if (i++ >= count) {
                break;
            }
            if (hand.parked) {
                LockSupport.unpark(hand.thread);
            }
        }
    }

    private Hand newHand() {
        return new Hand(plan, shards, gradients[0].newScratch());
    }

    private GradientPart newPart(Node node) {
        return new GradientPart(node.low(), node.high(), new Parameters(plan.shape()));
    }

    /**
     * Works as one of the team's tasks until the team is over.
     *
     * @param interrupted whether the task is to end at once
     */
    void work(BooleanSupplier interrupted) {
        Hand hand = newHand();
        tasks.add(hand);
        try {
            while (!over && !interrupted.getAsBoolean()) {
                Work work = workFor(hand);
                if (work == null) {
                    await(hand);
                } else {
                    hand.last = work;
                    takeUnits(work, hand, true);
                }
            }
        } finally {
            hand.close();
            tasks.remove(hand); // last: then nothing of the task's is left
        }
    }

    /** Work that this task has not seen yet; null if there is none, or enough others are there for it. */
    private Work workFor(Hand hand) {
        Work work = current;
        return work != hand.last && tasks.indexOf(hand) < busyTasks ? work : null;
    }

    private void await(Hand hand) {
        long deadline = tasks.indexOf(hand) < busyTasks ? System.nanoTime() + spinNanos : 0;
        for (int spins = 0; workFor(hand) == null && !over; spins++) {
            if (System.nanoTime() < deadline) {
                Waiting.spin(spins);
                continue;
            }
            hand.parked = true;
            if (workFor(hand) == null && !over) {
                LockSupport.parkNanos(this, PARK_NANOS);
            }
            hand.parked = false;
            return;
        }
    }

    /**
     * Takes units of the work under way in the calling thread, which is none of the team's tasks, until none is left. Others may
     * still be computing theirs; but a gradient before an update is done then. One thread at a time helps; others return at once.
     *
     * @param isBrief only with gradients of shards that are loaded, since the thread has other things to do; it is thought to
     *     have time when they are done, and prepares the next step
     * @return whether it helped, or there was nothing to help with
     */
    boolean help(boolean isBrief) {
        if (!hasHelper.compareAndSet(false, true)) {
            return false;
        }
        try {
            if (helper == null) {
                helper = newHand();
            }
            Work work = current;
            if (work == null || work == helper.last) {
                return true;
            }
            if (isBrief && !isShort(work)) {
                return false;
            }
            helper.last = work;
            takeUnits(work, helper, isBrief);
            return true;
        } finally {
            hasHelper.set(false);
        }
    }

    private boolean isShort(Work work) {
        return work.kind == Work.Kind.GRADIENT
                && plan.method() == GradientMethod.BACKPROP
                && shards.hasLoaded(work.shards);
    }

    private void takeUnits(Work work, Hand hand, boolean hasTimeAfter) {
        takers.incrementAndGet();
        try {
            if (!over) { // whoever ends the team waits for those who are counted here
                takeAll(work, hand);
                if (work.isUpdateNext && hand == helper) {
                    finishWhenDone(work);
                }
            }
            if (hasTimeAfter && work.failure == null && !over) {
                prepareNext(work, work.kind == Work.Kind.UPDATE ? work.follows : work, hand);
            }
        } finally {
            takers.decrementAndGet();
        }
    }

    private void prepareNext(Work work, Work step, Hand hand) {
        if (step.gradient == null) {
            return;
        }
        StepGradient next = step.gradient == gradients[0] ? gradients[1] : gradients[0];
        Hand copier = work.isUpdateNext ? null : hand; // the update comes sooner than rows are copied
        next.prepare(step.step + 1, step.nodes, shards, step.threads, partOf, copier, () -> current == work && !over);
    }

    /**
     * Updates the weights by the gradient of the work before, together with the tasks: each thread takes the ranges that it has
     * computed, see {@link Ranges}. Returns when all of them are done, even if the tasks are told to go meanwhile: weights are
     * never left half updated. The thread that submits works and helps.
     */
    void update(Optimizer optimizer, float learningRate, Parameters gradient, Parameters weights) {
        Work work = submitUpdate(optimizer, learningRate, gradient, weights);
        if (work == null) {
            optimizer.apply(learningRate, gradient, weights);
            return;
        }
        takeAll(work, helper);
        await(work, work.units());
        if (work.failure != null) {
            throw new IllegalStateException("step " + work.step + ": the update failed", work.failure);
        }
    }

    /** Returns null if there is nobody to share it with, or something else to do: a member may be told to load at any time. */
    private synchronized Work submitUpdate(
            Optimizer optimizer, float learningRate, Parameters gradient, Parameters weights) {
        Work before = current;
        if (before == null || !before.isUpdateNext || before.gradient == null || before.gradient.ranges() < 2) {
            return null;
        }
        Work work = Work.update(before, optimizer);
        ranges.begin(work.units());
        optimizer.begin(learningRate, gradient, weights, work.units());
        if (helper == null) {
            helper = newHand();
        }
        submit(work, true);
        return work;
    }

    private void takeAll(Work work, Hand hand) {
        for (int unit = work.nextUnit.getAndIncrement(); hasUnit(work, unit); unit = work.nextUnit.getAndIncrement()) {
            try {
                if (work.failure == null) {
                    run(work, unit, hand);
                }
            } catch (RuntimeException | Error e) {
                work.failure = e;
            }
            if (work.unitsDone.incrementAndGet() == work.units() && !work.isUpdateNext) {
                finish(work);
            }
        }
    }

    /** What a gradient leaves is read by the training thread, which goes on with it: it would else go from core to core and back. */
    private void finishWhenDone(Work work) {
        for (int spins = 0; work.nextUnit.get() < ABANDONED; spins++) {
            if (work.unitsDone.get() == work.units()) {
                finish(work);
                return;
            }
            Waiting.pause(spins);
        }
    }

    /** Whether there is such a unit; waits until it can be done. Who has taken an earlier one does it, so this takes no long. */
    private boolean hasUnit(Work work, int unit) {
        if (unit >= ABANDONED) {
            return false;
        }
        if (work.gradient != null && unit > 0) {
            await(work, 1);
        }
        if (unit >= work.units()) {
            return false;
        }
        if (work.gradient != null) {
            await(work, work.gradient.before(unit));
        }
        return true;
    }

    private static void await(Work work, int unitsDone) {
        for (int spins = 0; work.unitsDone.get() < unitsDone; spins++) {
            Waiting.pause(spins);
        }
    }

    private void run(Work work, int unit, Hand hand) {
        if (work.gradient != null && unit > 0) {
            work.gradient.run(unit, work.weights, hand, hand.scratch());
            return;
        }
        if (work.kind == Work.Kind.UPDATE) {
            work.optimizer.update(ranges.take(hand));
            return;
        }
        shards.load(work.shards);
        switch (work.kind) {
            case LOAD -> rehearsal.run(work.shards);
            case GRADIENT -> {
                if (work.gradient != null) {
                    work.gradient.begin(work.step, work.nodes, shards, work.threads, partOf);
                    shards.step(work.shards); // whoever still prepares this step reads no others
                    work.knownUnits = work.gradient.units();
                } else {
                    Node node = work.nodes.get(unit);
                    hand.computer().numericalGradient(work.step, work.weights, node, shards, partOf.apply(node));
                }
            }
            case SCORE, REPORT -> {
                int shard = work.shards.nextSetBit(0);
                for (int i = 0; i < unit; i++) {
                    shard = work.shards.nextSetBit(shard + 1);
                }
                work.results[shard] = work.kind == Work.Kind.SCORE
                        ? new ShardResult(hand.computer().score(work.split, work.weights, shards, shard), null)
                        : new ShardResult(null, shards.report(shard));
            }
        }
    }

    private void finish(Work work) {
        if (work.kind == Work.Kind.GRADIENT && work.failure == null) {
            if (work.gradient != null) {
                work.gradient.finish(partOf);
            }
            for (int i = 0; i < work.parts.length; i++) {
                work.parts[i] = partOf.apply(work.nodes.get(i));
            }
        }
        if (work.kind != Work.Kind.UPDATE) { // who submitted that waits for it
            done.accept(work);
        }
    }

    /** Gives up the work under way, if there is any; returns when nobody computes a part of it any more. All tasks have gone. */
    void abandon() {
        Work work = current;
        if (work != null && work.kind != Work.Kind.UPDATE) { // which is soon over, and must be whole
            work.nextUnit.set(ABANDONED);
        }
        while (takers.get() > 0) {
            LockSupport.parkNanos(this, SHORT_PARK_NANOS); // as long as the training thread needs for its unit
        }
    }

    /** Tells the tasks to go. */
    void end() {
        over = true;
        rehearsal.stop();
        tasks.forEach(hand -> LockSupport.unpark(hand.thread));
    }

    private boolean isAtWork() {
        return !tasks.isEmpty() || takers.get() > 0;
    }

    /**
     * Frees everything. Tasks have been told to go; those that are still computing are waited for. If one does not come to
     * an end, nothing is freed.
     */
    @Override
    public void close() {
        end();
        long deadline = System.nanoTime() + CLOSE_NANOS;
        while (isAtWork() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(this, SHORT_PARK_NANOS);
        }
        if (isAtWork()) {
            LOG.warn("{} tasks are still at work; their memory stays until the process ends", tasks.size());
            return;
        }
        if (helper != null) {
            helper.close();
        }
        rehearsal.end();
        for (StepGradient gradient : gradients) {
            gradient.close();
        }
        parts.values().forEach(GradientPart::close);
        shards.close();
    }
}
