package dev.lockstep.step;

import dev.lockstep.net.Initializer;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.StepCost.Machine;
import dev.lockstep.step.StepCost.Network;
import org.apache.hadoop.conf.Configuration;

/**
 * What a step takes in a simulated cluster to which nothing happens.
 *
 * @param seconds mean of some steps, in virtual time
 * @param traffic of the plan's data
 */
record SimulatedStep(double seconds, Traffic traffic) {
    /** Connections between workers are made in the first. */
    private static final int WARM_UP_STEPS = 2;

    private static final int STEPS = 6;

    /** Runs some steps of plain gradient descent. */
    static SimulatedStep measure(
            Configuration conf, StepPlan plan, Machine machine, Network network, int workers, int fanIn) {
        SimulatedNetwork simulated = new SimulatedNetwork(plan, machine, network, null, 0);
        try (SimulatedCluster cluster = new SimulatedCluster(conf, plan, simulated, workers, fanIn, null);
                Parameters weights = new Parameters(plan.shape());
                Optimizer optimizer = new Optimizer(UpdateRule.SGD, 0, 0, plan.shape(), plan.kernels())) {
            Initializer.XAVIER.initialize(weights, 0, plan.seed());
            double beginSeconds = 0;
            for (int step = 0; step < WARM_UP_STEPS + STEPS; step++) {
                if (step == WARM_UP_STEPS) {
                    beginSeconds = cluster.completeSeconds();
                }
                GradientPart gradient = cluster.gradient(step, weights);
                optimizer.apply(0.1f, gradient.values(), weights);
            }
            double seconds = (cluster.completeSeconds() - beginSeconds) / STEPS;
            return new SimulatedStep(seconds, Traffic.measure(plan, cluster.store()));
        }
    }
}
