package dev.lockstep.cli;

import dev.lockstep.data.LabelledImages;
import dev.lockstep.kernel.Activation;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.step.LocalGradientSource;
import dev.lockstep.step.StepPlan;
import dev.lockstep.train.TrainingConfig;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradcheck}: holds backpropagation against the numerical gradient, on the first mini-batch. */
@Command(
        name = "gradcheck",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Compares backpropagation with the numerical gradient for every parameter, on one mini-batch.",
        footerHeading = "%nExample: ",
        footer = "submit/lockstep gradcheck --activation tanh --loss mse")
final class GradcheckCommand implements Callable<Integer> {
    private static final int DISAGREES = 1;

    /** A configuration has to say how weights are updated; here they are not. */
    private static final TrainingConfig.Updates NO_UPDATES =
            new TrainingConfig.Updates(UpdateRule.SGD, 0, 0, 0, LearningRate.Schedule.CONSTANT, 0, 1, 1);

    @Spec
    private CommandSpec spec;

    @Mixin
    private DataOption data;

    @Mixin
    private NetworkOptions network;

    @Mixin
    private KernelOption kernel;

    @Option(
            names = "--tolerance",
            paramLabel = "X",
            defaultValue = "1e-4",
            description =
                    "Largest difference that passes, as a share of the tensor's largest gradient (${DEFAULT-VALUE}).")
    private double tolerance;

    @Override
    public Integer call() {
        Checks.range("--tolerance", tolerance, 0, 1);
        Configuration hadoop = SparkSessions.hadoop();
        StepPlan backprop = plan(hadoop, GradientMethod.BACKPROP);
        Checks.size(backprop.shape());
        StepPlan numerical = plan(hadoop, GradientMethod.NUMERICAL);
        PrintWriter out = spec.commandLine().getOut();
        try (Parameters weights = new Parameters(backprop.shape());
                LocalGradientSource first = new LocalGradientSource(hadoop, backprop);
                LocalGradientSource second = new LocalGradientSource(hadoop, numerical)) {
            TrainingConfig.Network net = network.network();
            net.init().initialize(weights, net.initStd(), network.seed());
            Parameters g = first.gradient(0, weights).values();
            long beganNanos = System.nanoTime();
            Parameters n = second.gradient(0, weights).values();
            double seconds = (System.nanoTime() - beganNanos) / 1e9;
            KernelOption.explain(backprop.kernel());
            boolean agrees = report(out, backprop, g, n);
            out.printf(Locale.ROOT, "(the numerical gradient took %.2f s)%n", seconds);
            out.flush();
            return agrees ? 0 : DISAGREES;
        }
    }

    private StepPlan plan(Configuration hadoop, GradientMethod method) {
        TrainingConfig config = new TrainingConfig(
                data.uri(),
                network.seed(),
                network.network(),
                network.batches(0, method),
                NO_UPDATES,
                new TrainingConfig.Length(1, OptionalLong.empty(), 0),
                new TrainingConfig.Watching(OptionalLong.empty(), 1, 0, 1, false));
        return config.plan(
                data.open(hadoop, LabelledImages.TRAIN), data.open(hadoop, LabelledImages.TEST), kernel.choice());
    }

    private boolean report(PrintWriter out, StepPlan plan, Parameters backprop, Parameters numerical) {
        out.printf(
                Locale.ROOT,
                "%d parameters of %s on a batch of %d examples: the gradient g of each by backpropagation, and by%n"
                        + "(loss with the parameter a little larger - loss with it a little smaller) / distance%n%n",
                plan.shape().parameters(),
                plan.shape(),
                plan.batchSize());
        // A difference across relu's kink is no derivative, so a few of its elements may be far off.
        boolean meanCounts = plan.activation() == Activation.RELU;
        out.println(GradientComparison.heading());
        boolean agrees = true;
        for (ParameterTensor tensor : ParameterTensor.values()) {
            GradientComparison row =
                    GradientComparison.of(tensor, plan.shape(), backprop, numerical, tolerance, meanCounts);
            out.println(row.line());
            agrees &= row.agrees();
        }
        out.printf(
                Locale.ROOT,
                "%nbackpropagation %s the numerical gradient: allowed is %s difference of %.1e of the tensor's largest |g|%n",
                agrees ? "agrees with" : "DISAGREES with",
                meanCounts ? "a mean" : "a largest",
                tolerance);
        return agrees;
    }
}
