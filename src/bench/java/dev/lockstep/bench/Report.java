package dev.lockstep.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * All that was found, as text, as Markdown and as JSON.
 *
 * @param machine names and values, see {@link Machine}
 * @param data where the examples were read
 * @param repeat rounds
 * @param quick whether figures are worth nothing
 * @param outcomes of the experiments, by name
 * @param growths of the controls
 */
record Report(
        Map<String, String> machine,
        String data,
        int repeat,
        boolean quick,
        Map<String, Experiment.Outcome> outcomes,
        List<Control.Growth> growths) {
    private static final String QUICK = "QUICK: too little was run, no figure here is worth anything";
    private static final List<String> HEADINGS =
            List.of("row", "ours", "peer", "compared", "value", "must reach", "aim, JDK 25", "", "work");

    private List<Result> results() {
        return outcomes.values().stream().flatMap(outcome -> outcome.results().stream()).toList();
    }

    /** Whether a run failed, or a control. */
    boolean isFailed() {
        return results().stream().anyMatch(Result::failed) || growths.stream().anyMatch(Control.Growth::isWrong);
    }

    private static List<String> cells(Result result) {
        Row row = result.row();
        double theirs = result.theirs().median();
        return List.of(
                row.key(),
                Row.number(result.ours().median()) + " " + row.unit(),
                row.peer() + " " + (Double.isNaN(theirs) ? "-" : Row.number(theirs)),
                row.comparison(),
                Row.number(result.value()),
                row.bound(row.must()),
                row.bound(row.aim()),
                result.verdict().toString(),
                row.work());
    }

    /** For a terminal. */
    String text() {
        List<String> lines = heading("");
        List<List<String>> table = new ArrayList<>(List.of(HEADINGS));
        results().forEach(result -> table.add(cells(result)));
        int[] widths = new int[HEADINGS.size()];
        for (List<String> cells : table) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], cells.get(i).length());
            }
        }
        lines.add("");
        for (List<String> cells : table) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                line.append(cells.get(i)).append(" ".repeat(widths[i] - cells.get(i).length() + 2));
            }
            lines.add(line.toString().stripTrailing());
        }
        lines.addAll(below("", "    "));
        return String.join("\n", lines) + "\n";
    }

    /** For the README. */
    String markdown() {
        List<String> lines = heading("");
        lines.add("");
        lines.add("| work | ours | peer | ratio | must reach | aim, JDK 25 | |");
        lines.add("| --- | --- | --- | --- | --- | --- | --- |");
        for (Result result : results()) {
            List<String> cells = cells(result);
            String ratio = result.row().kind().isRatio() ? cells.get(4) : "";
            lines.add("| " + String.join(" | ", cells.get(8), cells.get(1), cells.get(2), ratio, cells.get(5), cells.get(6), cells.get(7))
                    + " |");
        }
        lines.addAll(below("- ", "      "));
        return String.join("\n", lines) + "\n";
    }

    private List<String> heading(String prefix) {
        List<String> lines = new ArrayList<>();
        if (quick) {
            lines.add(QUICK);
        }
        List<String> parts = new ArrayList<>();
        machine.forEach((name, value) -> parts.add(name + " " + value));
        lines.add(prefix + String.join("; ", parts));
        lines.add(prefix + "data " + data + "; medians of " + repeat + ", all sides in turn");
        return lines;
    }

    /** Each profile with the rows that it belongs to: rows of one experiment share one. */
    private Map<List<String>, List<String>> profiles() {
        Map<List<String>, List<String>> keys = new LinkedHashMap<>();
        for (Result result : results()) {
            if (!result.profile().isEmpty()) {
                keys.computeIfAbsent(result.profile(), profile -> new ArrayList<>())
                        .add(result.row().key());
            }
        }
        return keys;
    }

    /** Reasons, details, profiles, controls. */
    private List<String> below(String bullet, String indent) {
        List<String> lines = new ArrayList<>();
        for (Result result : results()) {
            String key = result.row().key();
            if (!result.reason().isEmpty()) {
                lines.add("");
                lines.add(bullet + key + ": " + (result.failed() ? "FAILED: " : "NOT MEASURED: ") + result.reason());
            }
            if (!result.details().isEmpty()) {
                lines.add("");
                lines.add(bullet + key + ":");
                result.details().forEach(line -> lines.add(indent + line));
            }
        }
        profiles().forEach((profile, keys) -> {
            lines.add("");
            lines.add(bullet + String.join(", ", keys) + ": missed. Where the time goes:");
            profile.forEach(line -> lines.add(indent + line));
        });
        if (!growths.isEmpty()) {
            lines.add("");
            growths.forEach(growth -> lines.add(bullet + "control: " + growth));
        }
        return lines;
    }

    /** For programs: what the table says, and every figure of every round. */
    ObjectNode json() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        ObjectNode on = root.putObject("machine");
        machine.forEach(on::put);
        root.put("data", data);
        root.put("repeat", repeat);
        root.put("quick", quick);
        ArrayNode rows = root.putArray("rows");
        results().forEach(result -> put(rows.addObject(), result));
        ArrayNode controls = root.putArray("controls");
        for (Control.Growth growth : growths) {
            ObjectNode node = controls.addObject();
            node.put("control", growth.control());
            put(node.putObject("once"), growth.once());
            put(node.putObject("twice"), growth.twice());
            put(node, "ratio", growth.ratio());
            node.put("grows", !growth.isWrong());
            node.put("reason", growth.reason());
        }
        ObjectNode rounds = root.putObject("rounds");
        outcomes.forEach((name, outcome) -> rounds.putPOJO(name, outcome.rounds().figures()));
        return root;
    }

    private static void put(ObjectNode node, Result result) {
        Row row = result.row();
        node.put("row", row.key());
        node.put("work", row.work());
        node.put("figure", row.figure());
        node.put("unit", row.unit());
        put(node.putObject("ours"), result.ours());
        put(node.putObject("peer"), result.theirs());
        node.put("compared", row.comparison());
        put(node, "value", result.value());
        node.put("bound", row.kind() == Row.Kind.OURS_AT_MOST ? "at most" : "at least");
        put(node, "must_reach", row.must());
        put(node, "aim_jdk_25", row.aim());
        node.put("verdict", result.verdict().name().toLowerCase(Locale.ROOT));
        node.put("reason", result.reason());
        result.details().forEach(node.withArray("details")::add);
        result.profile().forEach(node.withArray("profile")::add);
    }

    private static void put(ObjectNode node, Samples samples) {
        node.put("name", samples.side());
        put(node, "median", samples.median());
        samples.values().forEach(node.putArray("samples")::add);
    }

    /** JSON has no NaN. */
    private static void put(ObjectNode node, String key, double value) {
        if (Double.isNaN(value)) {
            node.putNull(key);
        } else {
            node.put(key, value);
        }
    }
}
