package dev.lockstep.tune;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.BadInputException;
import dev.lockstep.files.AtomicOutput;
import dev.lockstep.model.ModelFile;
import dev.lockstep.net.Parameters;
import dev.lockstep.train.CheckpointBytes;
import dev.lockstep.train.RunDirectory;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What a search leaves in its directory, and finds there when it goes on. {@code trials.jsonl} holds a line for each end of a
 * trial and a rung, and is the truth; every line is a function of the command in it, so it holds whatever the number of trials
 * and rungs of the search that goes on. {@code states/} holds what trials go on from: without it they begin anew and come to
 * the same. A file is written before the line that counts on it. One thread.
 */
final class TuneDirectory {
    private static final long MAX_LINES_BYTES = 1 << 28;
    private static final Pattern STATE = Pattern.compile("trial-(\\d{1,9})-step-(\\d{1,18})\\.safetensors");

    /** Which end of which trial. */
    private record Key(int trial, long steps) {}

    private final Configuration conf;
    private final RunDirectory directory;
    private final FileSystem fs;
    private final Path lines;
    private final Path states;
    private final Path best;
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Key, TrialEnd> ends = new LinkedHashMap<>();
    private final Map<Key, String> texts = new LinkedHashMap<>();

    /** @param directory made already */
    TuneDirectory(Configuration conf, RunDirectory directory) throws IOException {
        this.conf = conf;
        this.directory = directory;
        this.fs = directory.path().getFileSystem(conf);
        this.lines = new Path(directory.path(), "trials.jsonl");
        this.states = new Path(directory.path(), "states");
        this.best = new Path(directory.path(), "best");
        fs.delete(new Path(directory.path(), "summary.json"), false); // of a search that goes on now
        fs.mkdirs(states);
        fs.mkdirs(best);
    }

    // --- Ends of trials ---

    /**
     * Reads what an earlier search left.
     *
     * @throws BadInputException if it was of other trials, or its file is damaged
     */
    void read(List<Trial> trials) throws IOException {
        Map<Integer, Trial> byNumber = trials.stream().collect(Collectors.toMap(Trial::number, trial -> trial));
        int number = 0;
        for (String line : content().lines().toList()) {
            number++;
            TrialEnd end;
            JsonNode node;
            try {
                node = json.readTree(line);
                end = TrialEnd.of(node);
            } catch (JsonProcessingException | IllegalArgumentException e) {
                throw new BadInputException(
                        lines + " line " + number + ": expected the end of a trial as JSON: "
                                + String.valueOf(e.getMessage())
                                        .lines()
                                        .findFirst()
                                        .orElse(""),
                        e);
            }
            Trial trial = byNumber.get(end.trial());
            String command = node.path("command").asText("");
            if (trial != null && !command.equals(trial.command(end.steps()))) {
                throw new BadInputException("--resume: trial " + end.trial() + " of " + lines + " line " + number
                        + " was " + command + ", in this search it is " + trial.command(end.steps()));
            }
            add(end, line);
        }
    }

    private String content() throws IOException {
        try {
            long bytes = fs.getFileStatus(lines).getLen();
            if (bytes > MAX_LINES_BYTES) {
                throw new BadInputException(lines + ": expected at most " + MAX_LINES_BYTES + " bytes, found " + bytes);
            }
            try (InputStream in = fs.open(lines)) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
        } catch (FileNotFoundException e) {
            return ""; // nothing had ended yet
        }
    }

    private void add(TrialEnd end, String line) {
        TrialEnd other = ends.values().stream().findFirst().orElse(end);
        if (end.data().trainFingerprint() != other.data().trainFingerprint()
                || end.data().testFingerprint() != other.data().testFingerprint()) {
            throw new BadInputException("--resume: trial " + other.trial() + " of " + lines
                    + " was trained on other data than trial " + end.trial());
        }
        Key key = new Key(end.trial(), end.steps());
        ends.put(key, end.withoutState());
        texts.put(key, line);
    }

    /**
     * An end that need not be computed again. What went wrong for lack of memory or the like is tried again; what diverged
     * would diverge again.
     */
    Optional<TrialEnd> known(Trial trial, long steps) {
        return Optional.ofNullable(ends.get(new Key(trial.number(), steps)))
                .filter(end -> end.status() != TrialEnd.Status.FAILED);
    }

    /** Ends of trials that are written down. */
    int count() {
        return ends.size();
    }

    /**
     * Writes an end down, with its state.
     *
     * @throws BadInputException if it comes of other data than those before
     */
    void write(Trial trial, TrialEnd end) throws IOException {
        if (end.state() != null) {
            AtomicOutput.write(
                    conf, state(trial.number(), end.steps()).toString(), true, out -> out.write(end.state()));
        }
        ObjectNode line = end.json();
        ObjectNode settings = line.putObject("settings");
        trial.settings().forEach(settings::put);
        line.put("command", trial.command(end.steps()));
        add(end, line.toString());
        byte[] all = (String.join("\n", texts.values()) + "\n").getBytes(StandardCharsets.UTF_8);
        AtomicOutput.write(conf, lines.toString(), true, out -> out.write(all));
        if (end.isDone()) {
            deleteStates(file -> number(file, 1) == trial.number() && number(file, 2) < end.steps());
        }
    }

    // --- States ---

    private Path state(int trial, long steps) {
        return new Path(states, String.format(Locale.ROOT, "trial-%04d-step-%012d.safetensors", trial, steps));
    }

    private static long number(FileStatus file, int group) {
        Matcher matcher = STATE.matcher(file.getPath().getName());
        return matcher.matches() ? Long.parseLong(matcher.group(group)) : -1;
    }

    private interface Choice {
        boolean takes(FileStatus file);
    }

    private void deleteStates(Choice choice) throws IOException {
        for (FileStatus file : fs.listStatus(states)) {
            if (choice.takes(file)) {
                fs.delete(file.getPath(), false);
            }
        }
    }

    /** Deletes the states of all trials but these. */
    void keepStates(List<Trial> trials) throws IOException {
        Set<Long> kept = trials.stream().map(trial -> (long) trial.number()).collect(Collectors.toSet());
        deleteStates(file -> !kept.contains(number(file, 1)));
    }

    /** The newest whole state of a trial of at most so many steps, and of fewer than all of its steps. */
    Optional<byte[]> newestState(Trial trial, long maxSteps) throws IOException {
        List<FileStatus> files = List.of(fs.listStatus(states)).stream()
                .filter(file -> number(file, 1) == trial.number()
                        && number(file, 2) <= maxSteps
                        && number(file, 2) < trial.totalSteps())
                .sorted(Comparator.comparingLong((FileStatus file) -> number(file, 2))
                        .reversed())
                .toList();
        for (FileStatus file : files) {
            try (InputStream in = fs.open(file.getPath())) {
                byte[] bytes = in.readAllBytes();
                CheckpointBytes.requireWhole(file.getPath().toString(), bytes);
                return Optional.of(bytes);
            } catch (BadInputException e) {
                fs.delete(file.getPath(), false); // damaged; what it was for is computed again
            }
        }
        return Optional.empty();
    }

    // --- The best ---

    private Path model() {
        return new Path(best, "model.safetensors");
    }

    /** Sets the weights to those of a trial's end at all of its steps; returns whether they are there. */
    boolean readWeights(Trial trial, TrialEnd end, Parameters weights) throws IOException {
        for (Path file : List.of(state(trial.number(), end.steps()), model())) {
            try {
                if (fs.exists(file)) {
                    ModelFile.readInto(conf, file.toString(), weights);
                    if (weights.sha256().equals(end.weightsSha256())) {
                        return true;
                    }
                }
            } catch (BadInputException e) {
                continue; // damaged, or of another trial
            }
        }
        return false;
    }

    /** Writes the best model and the command that makes it, and deletes all states. */
    void writeBest(Trial trial, Parameters weights, Map<String, String> provenance) throws IOException {
        ModelFile.write(
                conf,
                model().toString(),
                true,
                weights,
                trial.plan().activation(),
                trial.plan().loss(),
                provenance);
        byte[] command = (trial.command() + "\n").getBytes(StandardCharsets.UTF_8);
        AtomicOutput.write(conf, new Path(best, "command.txt").toString(), true, out -> out.write(command));
        fs.delete(states, true);
    }

    // --- The whole ---

    /** Writes {@code summary.json}. */
    void writeSummary(JsonNode summary) throws IOException {
        directory.writeSummary(summary);
    }

    /** Writes {@code tune.html}; returns where it is. */
    Path writePage(String html) throws IOException {
        Path page = new Path(directory.path(), "tune.html");
        byte[] bytes = html.getBytes(StandardCharsets.UTF_8);
        AtomicOutput.write(conf, page.toString(), true, out -> out.write(bytes));
        return page;
    }
}
