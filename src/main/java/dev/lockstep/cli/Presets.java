package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Presets: {@code conf/NAME.properties}, which travel in the jar. Their keys are the options of {@code train} without the
 * dashes; their values become the options' defaults, so that the command line beats the preset and the preset beats the
 * built-in default.
 */
final class Presets {
    /** The option that names a preset. */
    static final String OPTION = "--preset";

    static final String DEFAULT = "book";

    private Presets() {}

    /** Makes the preset that the arguments name the defaults of every command that takes presets. */
    static void applyTo(CommandLine commandLine, String[] args) {
        Properties preset = load(nameIn(args));
        requireKnownKeys(preset, nameIn(args), commandLine.getSubcommands().get("train"));
        for (CommandLine command : commandLine.getSubcommands().values()) {
            if (command.getCommandSpec().findOption(OPTION) != null) {
                command.setDefaultValueProvider(argument ->
                        argument instanceof OptionSpec option ? preset.getProperty(keyOf(option.longestName())) : null);
            }
        }
    }

    /** Where an option's value comes from if it is not among the arguments. */
    static String fileOf(String[] args) {
        return "conf/" + nameIn(args) + ".properties";
    }

    /** The preset is looked for before the arguments are parsed, since it is the defaults of the parsing. */
    private static String nameIn(String[] args) {
        String name = DEFAULT;
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals(OPTION) && i + 1 < args.length) {
                name = args[i + 1];
            } else if (args[i].startsWith(OPTION + "=")) {
                name = args[i].substring(OPTION.length() + 1);
            }
        }
        return name;
    }

    private static Properties load(String name) {
        Properties preset = new Properties();
        if (!name.matches("[A-Za-z0-9_-]+")) {
            throw new BadInputException(OPTION + " " + name + ": expected a name of letters, digits, - and _");
        }
        try (InputStream in = Presets.class.getResourceAsStream("/presets/" + name + ".properties")) {
            if (in == null) {
                throw new BadInputException(
                        OPTION + " " + name + ": expected the name of a file conf/NAME.properties, found no conf/"
                                + name + ".properties; the default is " + DEFAULT);
            }
            preset.load(new InputStreamReader(in, StandardCharsets.UTF_8));
        } catch (IOException | IllegalArgumentException e) {
            throw new BadInputException("conf/" + name + ".properties cannot be read: " + e.getMessage(), e);
        }
        return preset;
    }

    private static void requireKnownKeys(Properties preset, String name, CommandLine train) {
        Set<String> unknown = new TreeSet<>(preset.stringPropertyNames());
        for (OptionSpec option : train.getCommandSpec().options()) {
            unknown.remove(keyOf(option.longestName()));
        }
        if (!unknown.isEmpty() || preset.containsKey(keyOf(OPTION))) {
            throw new BadInputException("conf/" + name + ".properties: expected options of train without dashes, found "
                    + (unknown.isEmpty() ? keyOf(OPTION) : String.join(", ", unknown)));
        }
    }

    private static String keyOf(String option) {
        return option.replaceFirst("^-+", "");
    }
}
