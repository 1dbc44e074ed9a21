package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Work that Lockstep and its peers do in turn, and the rows that are read off it.
 *
 * @param name for messages
 * @param rows which compare Lockstep with one of the other sides each
 * @param sides by name, in the order of their turns; one of them is {@link #OURS}
 * @param details lines that belong to the rows beside their figures
 * @param profiler tells where our time goes, of a row that was missed
 */
record Experiment(
        String name,
        List<Row> rows,
        Map<String, Side> sides,
        Function<Rounds, List<String>> details,
        Function<Rounds, List<String>> profiler) {
    /** The name of Lockstep's side. */
    static final String OURS = "Lockstep";

    /** What was measured, and what came of the rows. */
    record Outcome(Rounds rounds, List<Result> results) {}

    /** Whether any of these rows is read off it. */
    boolean has(Set<String> keys) {
        return rows.stream().anyMatch(row -> keys.contains(row.key()));
    }

    /**
     * Measures what these rows need.
     *
     * @param repeat number of rounds
     * @param log told of every run
     */
    Outcome measure(Set<String> keys, int repeat, Consumer<String> log) {
        List<Row> wanted = rows.stream().filter(row -> keys.contains(row.key())).toList();
        Map<String, Side> needed = new LinkedHashMap<>();
        sides.forEach((side, work) -> {
            if (side.equals(OURS) || wanted.stream().anyMatch(row -> row.peer().equals(side))) {
                needed.put(side, work);
            }
        });
        Rounds rounds = Rounds.run(name, needed, repeat, log);
        List<String> lines = details.apply(rounds);
        List<Result> results = new ArrayList<>();
        List<String> profile = null;
        for (Row row : wanted) {
            Result result = result(row, rounds, lines);
            if (result.verdict() == Result.Verdict.MISSED) {
                profile = profile == null ? profile(rounds, log) : profile;
                result = result.withProfile(profile);
            }
            results.add(result);
        }
        return new Outcome(rounds, results);
    }

    private static Result result(Row row, Rounds rounds, List<String> details) {
        Samples ours = rounds.samples(OURS, row.figure());
        Samples theirs = rounds.samples(row.peer(), row.figure());
        Rounds.Problem problem = rounds.problem(OURS);
        if (problem == null) {
            problem = rounds.problem(row.peer());
        }
        if (problem == null) {
            return new Result(row, ours, theirs, "", false, details, List.of());
        }
        return new Result(row, ours, theirs, problem.message(), problem.failed(), details, List.of());
    }

    private List<String> profile(Rounds rounds, Consumer<String> log) {
        log.accept(name + ": missed; taking a profile");
        try {
            return profiler.apply(rounds);
        } catch (RunFailedException | AbsentException e) {
            return List.of("no profile: " + e.getMessage());
        }
    }
}
