package dev.lockstep.cli;

import dev.lockstep.data.Sampling;
import dev.lockstep.data.Split;
import dev.lockstep.evaluate.PredictionJob;
import dev.lockstep.kernel.Activation;
import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.kernel.Loss;
import dev.lockstep.net.Initializer;
import dev.lockstep.optim.LearningRate;
import dev.lockstep.optim.UpdateRule;
import dev.lockstep.step.GradientMethod;
import dev.lockstep.train.TrainingConfig;
import java.math.BigInteger;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** Values of options as people write them: constants (CROSS_ENTROPY is cross-entropy), numbers, names that are not empty. */
final class OptionNames {
    private OptionNames() {}

    static void registerConverters(CommandLine commandLine) {
        commandLine.registerConverter(Long.class, OptionNames::wholeNumber);
        commandLine.registerConverter(long.class, OptionNames::wholeNumber);
        commandLine.registerConverter(Integer.class, OptionNames::smallWholeNumber);
        commandLine.registerConverter(int.class, OptionNames::smallWholeNumber);
        commandLine.registerConverter(double.class, OptionNames::number);
        commandLine.registerConverter(float.class, text -> (float) number(text));
        commandLine.registerConverter(String.class, OptionNames::notEmpty);
        register(commandLine, Activation.class);
        register(commandLine, Loss.class);
        register(commandLine, Initializer.class);
        register(commandLine, Sampling.class);
        register(commandLine, Split.class);
        register(commandLine, GradientMethod.class);
        register(commandLine, UpdateRule.class);
        register(commandLine, LearningRate.Schedule.class);
        register(commandLine, Engine.class);
        register(commandLine, PredictionJob.Format.class);
        register(commandLine, ExportCommand.Format.class);
        register(commandLine, KernelChoice.class);
    }

    private static long wholeNumber(String text) {
        return wholeNumber(text, Long.MIN_VALUE, Long.MAX_VALUE);
    }

    private static int smallWholeNumber(String text) {
        return (int) wholeNumber(text, Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    private static long wholeNumber(String text, long min, long max) {
        BigInteger value;
        try {
            value = new BigInteger(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("expected a whole number, found " + text);
        }
        if (value.compareTo(BigInteger.valueOf(min)) < 0 || value.compareTo(BigInteger.valueOf(max)) > 0) {
            throw new TypeConversionException("expected a whole number from " + min + " to " + max + ", found " + text);
        }
        return value.longValue();
    }

    private static double number(String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("expected a number, found " + text);
        }
    }

    private static String notEmpty(String text) {
        if (text.isBlank()) {
            throw new TypeConversionException("expected a value, found an empty text");
        }
        return text;
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
