package dev.lockstep.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs JMH's benchmarks, each in a JVM of its own with the options of this one.
 *
 * @param log receives what JMH says
 * @param quick whether figures may be worth nothing
 */
record JmhRuns(Path log, boolean quick) {
    private static final int ITERATIONS = 5;
    private static final long ITERATION_MILLIS = 200;

    /**
     * Runs a benchmark once for each combination of its parameters that are not given.
     *
     * @param owner its class
     * @param benchmark its method
     * @param given parameters
     * @param by the parameter that tells results apart; null if there is one result
     * @return mean microseconds of a call, for each value of that parameter
     */
    Map<String, Double> micros(Class<?> owner, String benchmark, Map<String, String> given, String by) {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("^" + Pattern.quote(owner.getName() + "." + benchmark) + "$")
                .forks(1)
                .shouldFailOnError(true)
                .warmupIterations(quick ? 3 : ITERATIONS)
                .measurementIterations(quick ? 1 : ITERATIONS)
                .warmupTime(TimeValue.milliseconds(ITERATION_MILLIS))
                .measurementTime(TimeValue.milliseconds(ITERATION_MILLIS))
                .output(log.toString());
        given.forEach(options::param);
        Map<String, Double> micros = new LinkedHashMap<>();
        try {
            for (RunResult result : new Runner(options.build()).run()) {
                String key = by == null ? benchmark : result.getParams().getParam(by);
                micros.put(key, result.getPrimaryResult().getScore());
            }
        } catch (RunnerException e) {
            throw new RunFailedException(benchmark + ": " + e.getMessage() + ": " + firstError() + "; see " + log, e);
        }
        if (micros.isEmpty()) {
            throw new RunFailedException(benchmark + ": JMH ran nothing; see " + log);
        }
        return micros;
    }

    /** The same of a benchmark that has one result. */
    double micros(Class<?> owner, String benchmark, Map<String, String> given) {
        return micros(owner, benchmark, given, null).values().iterator().next();
    }

    private String firstError() {
        try {
            return Files.readAllLines(log).stream()
                    .filter(line -> line.matches("\\S+(Exception|Error)\\b.*"))
                    .findFirst()
                    .orElse("no exception logged");
        } catch (IOException e) {
            return "no log: " + e.getMessage();
        }
    }
}
