package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code --help} promises: every option with its default, and an example whose options exist. */
class HelpTest {
    private static final Pattern OPTION = Pattern.compile("^ +(?:-\\w, )?(--[\\w-]+)(=\\S+)? *(.*)$");
    /** Options with a value that have no default: required ones, and those that change what happens by being there. */
    private static final Set<String> WITHOUT_DEFAULT =
            Set.of("--model", "--format", "--out", "--init-weights", "--trace-batches", "--epochs");

    @ParameterizedTest
    @ValueSource(
            strings = {"train", "tune", "evaluate", "predict", "gradcheck", "export", "report", "serve", "completion"})
    void everyOptionHasItsDefaultAndThereIsAnExample(String command) {
        Outcome help = InProcess.run(command, "--help").succeeded();
        assertThat(help.err()).isEmpty();
        Map<String, String> options = options(help.out());
        assertThat(options).containsKeys("--help", "--stacktrace");
        options.forEach((name, text) -> {
            assertThat(text).as(name).endsWith(".");
            boolean isRequired = command.equals("predict") && name.equals("--data");
            if (text.startsWith("=") && !WITHOUT_DEFAULT.contains(name) && !isRequired) {
                assertThat(text).as(name).matches("(?s).*\\([^()]+\\)\\.");
            }
        });
        String example = help.out()
                .lines()
                .filter(line -> line.matches("Example: .*submit/lockstep .*\\b" + command + "\\b.*"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no example in " + help.out()));
        Matcher used = Pattern.compile("--[\\w-]+").matcher(example.substring(example.indexOf(" " + command)));
        while (used.find()) {
            assertThat(options).containsKey(used.group());
        }
        assertThat(help.out().strip()).as("the example on one line, at the end").endsWith(example.strip());
    }

    /** By name, each option's value and description, the lines of which are joined. */
    private static Map<String, String> options(String help) {
        Map<String, String> options = new LinkedHashMap<>();
        String current = null;
        for (String line : help.lines().toList()) {
            Matcher option = OPTION.matcher(line);
            if (option.matches()) {
                current = option.group(1);
                options.put(current, (option.group(2) == null ? "" : option.group(2) + " ") + option.group(3));
            } else if (current != null && line.startsWith("   ")) {
                options.merge(current, line.strip(), (before, more) -> before + " " + more);
            } else {
                current = null;
            }
        }
        return options;
    }

    @Test
    void program() {
        Outcome help = InProcess.run("--help").succeeded();
        assertThat(help.out())
                .contains("train", "evaluate", "gradcheck", "export", "report", "Exit status: 0 done, 2 wrong usage");
        assertThat(InProcess.run("--version").succeeded().out()).startsWith("lockstep ");
        assertThat(InProcess.run("train", "--version").succeeded().out()).startsWith("lockstep ");
    }

    /** Defaults that a preset changes are told as they are with that preset. */
    @Test
    void defaultsOfThePreset() {
        assertThat(options(InProcess.run("train", "--preset", "test-tiny", "--help")
                                .out())
                        .get("--hidden"))
                .contains("(7)");
        assertThat(options(InProcess.run("train", "--help").out()).get("--hidden"))
                .contains("(50)");
    }
}
