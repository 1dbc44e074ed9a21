package dev.lockstep.cli;

import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.train.TrainingConfig;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** Constants as they stand on the command line: CROSS_ENTROPY is cross-entropy. */
final class OptionNames {
    private OptionNames() {}

    static void registerConverters(CommandLine commandLine) {
        register(commandLine, Activation.class);
        register(commandLine, Loss.class);
        register(commandLine, Initializer.class);
        register(commandLine, Sampling.class);
        register(commandLine, Split.class);
        register(commandLine, GradientMethod.class);
        register(commandLine, UpdateRule.class);
        register(commandLine, LearningRate.Schedule.class);
        register(commandLine, Engine.class);
    }

    private static <E extends Enum<E>> void register(CommandLine commandLine, Class<E> type) {
        commandLine.registerConverter(
                type,
                text -> Arrays.stream(type.getEnumConstants())
                        .filter(constant -> TrainingConfig.text(constant).equals(text))
                        .findFirst()
                        .orElseThrow(() -> new TypeConversionException("expected one of "
                                + Arrays.stream(type.getEnumConstants())
                                        .map(TrainingConfig::text)
                                        .toList()
                                + ", found " + text)));
    }
}
