package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.Sampling;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.step.StepCost.Machine;
import dev.lockstep.step.StepCost.Network;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The model of a step's cost, held against workers in virtual time. */
@ExtendWith({LeakCheck.class, ExchangeQuiet.class})
class StepCostTest {
    private static final Percentage TOLERANCE = Percentage.withPercentage(10);

    /** About what is measured; the set's frames of a kilobyte are made to cost what those of MNIST do. */
    private static final Machine MACHINE =
            new Machine(2e-9, 1e-7, 5e-6, 2e-6, 5e-9, 5e-9, 8e-6, 20e-6, 10e-9, 6e-6, 2e-7);

    private static final List<Network> NETWORKS = List.of(new Network(1.25e7, 50e-6), new Network(1.25e6, 200e-6));

    private static final List<Integer> FAN_INS = List.of(0, 2, 4, 8, 16);

    @TempDir
    Path directory;

    @Test
    void theModelAgreesWithTheSimulationAndFindsTheBestFanIn() {
        SmallSet set = SmallSet.in(directory, Storage.PLAIN);
        for (int workers : List.of(16, 64, 128)) {
            StepPlan plan = set.plan(workers, 4 * workers, Sampling.REPLACEMENT, 0);
            for (Network network : NETWORKS) {
                double shortest = Double.POSITIVE_INFINITY;
                for (int fanIn : FAN_INS) {
                    SimulatedStep step = SimulatedStep.measure(SmallSet.conf(), plan, MACHINE, network, workers, fanIn);
                    assertThat(new StepCost(MACHINE, network, step.traffic()).seconds(workers, fanIn, plan.batchSize()))
                            .as("%d workers, fan-in %d, %s", workers, fanIn, network)
                            .isCloseTo(step.seconds(), TOLERANCE);
                    shortest = Math.min(shortest, step.seconds());
                }
                SimulatedStep any = SimulatedStep.measure(SmallSet.conf(), plan, MACHINE, network, workers, 0);
                int best = new StepCost(MACHINE, network, any.traffic()).bestFanIn(workers, plan.batchSize());
                double atBest = SimulatedStep.measure(SmallSet.conf(), plan, MACHINE, network, workers, best)
                        .seconds();
                assertThat(atBest)
                        .as("%d workers, fan-in %d, %s", workers, best, network)
                        .isLessThan(shortest * 1.05);
            }
        }
    }
}
