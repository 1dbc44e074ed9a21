package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Runs of Lockstep as people start them: {@code submit/lockstep} in a process of its own, as it is built. */
final class LockstepRuns {
    /** Evaluation is no part of what is measured; the one after the last step is enough. */
    static final List<String> EVALUATE_AT_THE_END = List.of("--evaluate-every", Integer.toString(Integer.MAX_VALUE));

    private static final String EXECUTOR_OPTIONS = "spark.executor.extraJavaOptions";

    /** Before the first step that counts, the driver's process may do some that do not, and logs how long. */
    private static final String LOG_REHEARSAL = "-Dlockstep.log.level=debug";

    private static final Pattern REHEARSAL = Pattern.compile("rehearsed \\d+ steps in (\\d+) ms");

    private final Workplace workplace;

    LockstepRuns(Workplace workplace) {
        this.workplace = workplace;
    }

    /**
     * A command as it is typed.
     *
     * @param master Spark's; nothing for the default
     * @param words the command and its options, without {@code --out}
     */
    record Command(String master, List<String> words) {
        /** A training. */
        static Command train(String master, Path data, List<String> options) {
            List<String> words = new ArrayList<>(List.of("train", "--data", data.toString()));
            words.addAll(options);
            return new Command(master, words);
        }
    }

    /** A training, measured by its own summary, and by the clock from its start to its model. */
    Side training(Command command) {
        return () -> {
            Path out = workplace.newDirectory().resolve("run");
            ChildProcess.Finished run = run(command, out, Map.of("SPARK_SUBMIT_OPTS", LOG_REHEARSAL), List.of());
            JsonNode summary = read(out.resolve("summary.json"));
            double seconds = number(summary, "training_seconds");
            double rehearsedSeconds = seconds + rehearsalSeconds(run.err());
            double median = number(summary, "ms_per_step_p50");
            Map<String, Double> figures = new LinkedHashMap<>();
            figures.put(Side.STEP_MILLIS_P50, median);
            figures.put(Side.STEP_MILLIS, number(summary, "ms_per_step"));
            figures.put(Side.STEP_MILLIS_REHEARSED, rehearsedSeconds * 1e3 / number(summary, "steps"));
            figures.put(Side.EXAMPLES_PER_SECOND, number(summary, "batch_size") * 1e3 / median);
            figures.put(Side.FIT_SECONDS, seconds);
            figures.put(Side.FIT_SECONDS_REHEARSED, rehearsedSeconds);
            figures.put(Side.TEST_ACCURACY, number(summary, "test_accuracy"));
            Duration toModel = Duration.between(
                    run.started(),
                    Files.getLastModifiedTime(out.resolve("model.safetensors")).toInstant());
            figures.put(Side.SECONDS, toModel.toNanos() / 1e9);
            return figures;
        };
    }

    private static double rehearsalSeconds(String log) {
        Matcher rehearsal = REHEARSAL.matcher(log);
        return rehearsal.find() ? Double.parseDouble(rehearsal.group(1)) / 1e3 : 0;
    }

    /** Trains a model. */
    Path model(Command command) throws IOException {
        Path out = workplace.newDirectory().resolve("run");
        run(command, out, Map.of(), List.of());
        return out.resolve("model.safetensors");
    }

    /** An evaluation, by what it writes. */
    Map<String, Double> evaluation(Command command) throws IOException {
        Path out = workplace.newDirectory().resolve("evaluation.json");
        run(command, out, Map.of(), List.of());
        JsonNode json = read(out);
        return Map.of(
                Side.IMAGES_PER_SECOND, number(json, "examples_per_second"),
                Side.IMAGES_PER_SECOND_P50, number(json, "examples_per_second_p50"));
    }

    /** Runs a command once more to see where its time goes, in the driver and in executors of their own. */
    List<String> profile(Command command) {
        try {
            Path directory = workplace.newDirectory();
            Path recordings = Files.createDirectory(directory.resolve("recordings"));
            Path settings = Files.writeString(directory.resolve("samples.jfc"), Profile.SETTINGS);
            String driver = String.join(" ", quoted(Profile.jvmOptions(recordings.resolve("driver.jfr"), settings)));
            List<String> executors = command.master().startsWith("local[") || command.master().isEmpty()
                    ? List.of()
                    : List.of("--conf", EXECUTOR_OPTIONS + "=" + executorOptions(recordings, settings));
            run(command, directory.resolve("out-of-profile"), Map.of("SPARK_SUBMIT_OPTS", driver), executors);
            try (Stream<Path> files = Files.list(recordings)) {
                return Profile.lines(files.sorted().toList());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What conf/spark-defaults.conf says of executors, and a recording of each: the JVM makes a name in the directory. */
    private String executorOptions(Path recordings, Path settings) throws IOException {
        Path defaults = workplace.home().resolve("conf/spark-defaults.conf");
        String ours = Files.readAllLines(defaults).stream()
                .filter(line -> line.startsWith(EXECUTOR_OPTIONS))
                .map(line -> line.substring(EXECUTOR_OPTIONS.length()).strip())
                .findFirst()
                .orElse("");
        return ours + " " + String.join(" ", quoted(Profile.jvmOptions(recordings, settings)));
    }

    /** Spark splits options at blanks outside quotes. */
    private static List<String> quoted(List<String> options) {
        return options.stream()
                .map(option -> '"' + option.replace("\\", "\\\\").replace("\"", "\\\"") + '"')
                .toList();
    }

    private ChildProcess.Finished run(
            Command command, Path out, Map<String, String> environment, List<String> submitOptions) throws IOException {
        List<String> words = new ArrayList<>(
                List.of(workplace.home().resolve("submit/lockstep").toString()));
        if (!command.master().isEmpty()) {
            words.addAll(List.of("--master", command.master()));
        }
        words.addAll(submitOptions);
        words.addAll(command.words());
        words.addAll(List.of("--out", out.toString()));
        Map<String, String> all = new LinkedHashMap<>(environment);
        all.put("LOCKSTEP_NO_BUILD", "1");
        return ChildProcess.run(words, all, out.getParent());
    }

    private static JsonNode read(Path file) throws IOException {
        return new ObjectMapper().readTree(file.toFile());
    }

    private static double number(JsonNode json, String key) {
        JsonNode value = json.path(key);
        if (!value.isNumber()) {
            throw new RunFailedException("expected a number " + key + ", found " + value + " in " + json);
        }
        return value.asDouble();
    }
}
