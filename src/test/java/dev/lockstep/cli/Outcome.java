package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a command left behind, whether it ran in this JVM or in one of its own.
 *
 * @param what the command, for messages
 * @param status its exit status
 * @param out standard output
 * @param err standard error
 */
record Outcome(String what, int status, String out, String err) {
    private static final Pattern SHA = Pattern.compile("(?m)^weights sha256 +([0-9a-f]{64})$");

    /** Lines on standard error but for what the JVM says of itself. */
    List<String> errLines() {
        return err.lines()
                .filter(line -> !line.startsWith("WARNING: Using incubator modules"))
                .toList();
    }

    /** Done, status 0. */
    Outcome succeeded() {
        assertThat(status).as("status of %s%n%s%n%s", what, out, err).isZero();
        return this;
    }

    /** Bad input or usage: status 2 and one line on standard error that holds all the parts. */
    Outcome refused(String... parts) {
        return complained("lockstep", 2, parts);
    }

    /** Any other failure: status 1 and one line on standard error that holds all the parts. */
    Outcome failed(String... parts) {
        return complained("lockstep", 1, parts);
    }

    /** This status and one line on standard error, begun with the program's name, that holds all the parts. */
    Outcome complained(String program, int expected, String... parts) {
        assertThat(status).as("status of %s%n%s%n%s", what, out, err).isEqualTo(expected);
        assertThat(errLines()).as("standard error of %s", what).hasSize(1);
        assertThat(errLines().get(0)).as("standard error of %s", what).startsWith(program + ": ");
        // A part is looked for as a part: what it must hold is up to the test.
        assertThat(errLines().get(0)).as("standard error of %s", what).contains(parts);
        return this;
    }

    /** What the line with the weights' digest says. */
    String weightsSha256() {
        Matcher matcher = SHA.matcher(out);
        assertThat(matcher.find()).as("weights sha256 in %s", out).isTrue();
        return matcher.group(1);
    }
}
