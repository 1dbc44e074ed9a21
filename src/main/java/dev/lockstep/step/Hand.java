package dev.lockstep.step;

import dev.lockstep.kernel.SumScratch;

/** A thread of a {@link WorkerTeam}, which makes it, and what that thread alone computes with. */
final class Hand implements AutoCloseable {
    final Thread thread = Thread.currentThread();
    volatile boolean parked;
    /** What it has worked at last; of its thread. */
    Work last;

    private final StepPlan plan;
    private final ShardStore shards;
    private final SumScratch scratch;
    private PartComputer computer;

    /** @param shards of the process; owned by the team */
    Hand(StepPlan plan, ShardStore shards, SumScratch scratch) {
        this.plan = plan;
        this.shards = shards;
        this.scratch = scratch;
    }

    SumScratch scratch() {
        return scratch;
    }

    /** Room for batches of the shards that are loaded; made anew when a shard with fuller rows has come. */
    PartComputer computer() {
        int groups = shards.maxGroups();
        if (computer == null || groups > computer.maxGroups()) {
            close();
            computer = new PartComputer(plan, groups);
        }
        return computer;
    }

    @Override
    public void close() {
        if (computer != null) {
            computer.close();
            computer = null;
        }
    }
}
