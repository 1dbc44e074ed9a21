package dev.lockstep.step;

import java.util.List;
import java.util.Random;

/**
 * Lets workers of a simulated cluster die, come, fall silent and go on, and cuts wires between workers, at random moments: between
 * any two events of a round. At least one worker is always at work.
 */
final class SimulatedFate implements SimulatedCluster.Fate {
    /** What may happen. */
    enum Kind {
        DIE,
        JOIN,
        CUT,
        SILENCE,
        GO_ON
    }

    private final Random random;
    private final List<Kind> kinds;
    private final double perEvent;
    private int died;
    private int cut;
    private int silenced;

    /**
     * @param perEvent how probable it is that something happens before an event
     */
    SimulatedFate(Random random, double perEvent, Kind... kinds) {
        this.random = random;
        this.kinds = List.of(kinds);
        this.perEvent = perEvent;
    }

    @Override
    public void beforeEvent(SimulatedCluster cluster) {
        List<SimulatedWorker> workers = cluster.workers();
        if (random.nextDouble() < perEvent && !workers.isEmpty()) {
            SimulatedWorker worker = workers.get(random.nextInt(workers.size()));
            long atWork = workers.stream().filter(SimulatedWorker::isAtWork).count();
            boolean isOthersLeft = atWork > 1 || atWork == 1 && !worker.isAtWork();
            happen(cluster, worker, kinds.get(random.nextInt(kinds.size())), isOthersLeft);
        }
    }

    private void happen(SimulatedCluster cluster, SimulatedWorker worker, Kind kind, boolean isOthersLeft) {
        switch (kind) {
            case DIE -> {
                if (isOthersLeft) {
                    worker.die();
                    died++;
                }
            }
            case SILENCE -> {
                if (isOthersLeft && worker.isAtWork()) {
                    worker.process().silence();
                    silenced++;
                }
            }
            case JOIN -> cluster.add();
            case CUT -> {
                List<SimulatedWire> wires = worker.wiresToWorkers();
                if (!wires.isEmpty()) {
                    wires.get(random.nextInt(wires.size())).cut();
                    cut++;
                }
            }
            case GO_ON -> worker.process().goOn();
        }
    }

    int died() {
        return died;
    }

    int cut() {
        return cut;
    }

    int silenced() {
        return silenced;
    }
}
