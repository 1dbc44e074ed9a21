package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What bash offers after it has sourced what {@code submit/lockstep completion} prints. */
class CompletionIT {
    @TempDir
    Path directory;

    private Programs programs;
    private Path script;

    @BeforeEach
    void print() throws IOException {
        programs = new Programs(directory);
        Outcome printed = programs.lockstep("completion").succeeded();
        assertThat(printed.err()).isEmpty();
        script = Files.writeString(directory.resolve("completion"), printed.out());
    }

    /** What is offered for the last of these words. */
    private List<String> offers(String... words) {
        String program = "source \"$0\"; words=(submit/lockstep \"$@\"); COMP_WORDS=(\"${words[@]}\");"
                + " COMP_CWORD=$((${#words[@]} - 1)); COMP_LINE=\"${words[*]}\"; COMP_POINT=${#COMP_LINE};"
                + " COMP_TYPE=9; complete -p lockstep >/dev/null || exit 1;"
                + " _complete_lockstep; printf '%s\\n' \"${COMPREPLY[@]}\"";
        Object[] all = new Object[4 + words.length];
        all[0] = "bash";
        all[1] = "-c";
        all[2] = program;
        all[3] = script;
        System.arraycopy(words, 0, all, 4, words.length);
        return programs.start(Path.of("/usr/bin/env"), Map.of(), all)
                .outcome()
                .succeeded()
                .out()
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
    }

    @Test
    void commandsOptionsAndNamesAsTheyAreTyped() {
        assertThat(offers("")).contains("train", "evaluate", "predict", "gradcheck", "export", "completion");
        assertThat(offers("ev")).containsExactly("evaluate");
        assertThat(offers("train", "--act")).containsExactly("--activation");
        assertThat(offers("train", "--loss", "")).containsExactly("cross-entropy", "mse");
        assertThat(offers("train", "--loss", "mse", "--kernel", "")).containsExactly("auto", "vector", "scalar");
        assertThat(offers("predict", "--format", "p")).containsExactly("parquet");
        // Nothing of ours, so that bash offers its files.
        assertThat(offers("evaluate", "--model", "x")).isEmpty();
    }
}
