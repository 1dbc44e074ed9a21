package dev.lockstep.step;

import dev.lockstep.BadInputException;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import java.util.List;

/** The member in the driver's own process: orders and parts change hands in memory, without a socket and without a copy. */
final class LocalMember extends Hub implements Coordinator.Link, AutoCloseable {
    /** How long threads spin between works: the driver's part of a step takes less. */
    private static final long SPIN_NANOS = 200_000;

    private static final int NONE = -1;

    private final Coordinator coordinator;
    private final WorkerTeam team;
    private volatile int number = NONE;
    private volatile Throwable failure;

    /**
     * @param shards of the process; the member closes them
     * @param rehearsal with these shards
     */
    LocalMember(StepPlan plan, ShardStore shards, Rehearsal rehearsal, Coordinator coordinator, String runId) {
        super(runId);
        this.coordinator = coordinator;
        this.team = new WorkerTeam(plan, shards, rehearsal, this::done, SPIN_NANOS);
        register();
    }

    @Override
    WorkerTeam team() {
        return team;
    }

    @Override
    void firstTaskEntered() {
        coordinator.join("driver", this, joined -> number = joined);
    }

    @Override
    void lastTaskLeft() {
        coordinator.leave(number, "its last task has ended");
        team.abandon();
    }

    @Override
    Throwable failure() {
        return failure;
    }

    @Override
    public void load(List<Node> nodes) {
        team.submit(Work.load(nodes), false);
    }

    @Override
    public void order(Coordinator.Round round, Route route) {
        Work work = Work.of(round, route.nodes(), round.weights());
        work.isUpdateNext = work.kind == Work.Kind.GRADIENT;
        team.submit(work, true); // the training thread waits for the round
    }

    @Override
    public void over() {
        team.end();
    }

    private void done(Work work) {
        if (work.failure != null) {
            String message = work.failure.getMessage() == null ? work.failure.toString() : work.failure.getMessage();
            boolean badInput = work.failure instanceof BadInputException;
            failure = badInput ? null : work.failure;
            coordinator.failed(number, message, badInput);
            return;
        }
        if (work.kind == Work.Kind.LOAD) {
            coordinator.ready(number);
            return;
        }
        for (int i = 0; i < work.nodes.size(); i++) {
            if (work.kind == Work.Kind.GRADIENT) {
                GradientPart part = work.parts[i];
                coordinator.take(number, work.round, work.nodes.get(i), () -> part);
            } else {
                coordinator.take(number, work.round, work.nodes.get(i), shard -> work.results[shard]);
            }
        }
        coordinator.idle(number);
    }

    /** Lends the calling thread to the work under way, if there is any. */
    void help() {
        team.help(false);
    }

    /** Updates the weights, see {@link WorkerTeam#update}. */
    void update(Optimizer optimizer, float learningRate, Parameters gradient, Parameters weights) {
        team.update(optimizer, learningRate, gradient, weights);
    }

    /** Frees what the member holds. Its tasks have gone. */
    @Override
    public void close() {
        unregister();
        team.close();
    }
}
