package dev.lockstep.cli;

import dev.lockstep.tune.Search;
import dev.lockstep.tune.TrialEnd;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The trials of a search as a table for people: those that did most steps first, and among them the best first. */
final class TuneTable {
    static final int MAX_COLUMNS = 100;

    private static final double MAX_PLAIN = 1000;

    private final List<String[]> columns = new ArrayList<>(); // of each: a heading of two lines, then a cell a row

    private TuneTable() {}

    /** Lines of {@value #MAX_COLUMNS} characters at most. Settings that do not fit are left out, and that is said. */
    static String text(Search search) {
        Map<TrialEnd, Integer> ends = search.lastEnds();
        TuneTable table = new TuneTable();
        table.add("trial", ends, end -> Integer.toString(end.trial()));
        table.add("steps", ends, end -> Long.toString(end.steps()));
        table.add("validation", ends, end -> figure(end, end.validation().accuracy()));
        table.add(
                "loss", ends, end -> end.isDone() ? figure(end, end.validation().loss()) : "-");
        table.add("train", ends, end -> end.isDone() ? figure(end, end.train().accuracy()) : "-");
        search.space()
                .dimensions()
                .forEach(dimension -> table.add(
                        dimension.key(),
                        ends,
                        end -> search.trial(end.trial()).settings().get(dimension.key())));
        return table.text();
    }

    private static String figure(TrialEnd end, double value) {
        return end.isDone() ? figure(value) : end.status().name().toLowerCase(Locale.ROOT);
    }

    /** An accuracy or a loss, which has no bound. */
    static String figure(double value) {
        return String.format(Locale.ROOT, value < MAX_PLAIN ? "%.4f" : "%.2e", value);
    }

    private interface Cell {
        String of(TrialEnd end);
    }

    private void add(String name, Map<TrialEnd, Integer> ends, Cell cell) {
        List<String> cells = new ArrayList<>();
        int hyphen = name.indexOf('-');
        cells.add(hyphen < 0 ? "" : name.substring(0, hyphen + 1));
        cells.add(name.substring(hyphen + 1));
        ends.keySet().forEach(end -> cells.add(cell.of(end)));
        int width = cells.stream().mapToInt(String::length).max().orElse(0);
        columns.add(cells.stream()
                .map(text -> " ".repeat(width - text.length()) + text)
                .toArray(String[]::new));
    }

    /** The width of the first columns. */
    private int width(int count, String gap) {
        return columns.stream()
                        .limit(count)
                        .mapToInt(column -> column[0].length() + gap.length())
                        .sum()
                - gap.length();
    }

    private String text() {
        int shown = columns.size();
        String gap = width(shown, "  ") <= MAX_COLUMNS ? "  " : " ";
        while (width(shown, gap) > MAX_COLUMNS) {
            shown--;
        }
        StringBuilder text = new StringBuilder();
        for (int row = 0; row < columns.get(0).length; row++) {
            StringBuilder line = new StringBuilder();
            for (String[] column : columns.subList(0, shown)) {
                line.append(line.isEmpty() ? "" : gap).append(column[row]);
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        if (shown < columns.size()) {
            text.append("(no room for " + (columns.size() - shown) + " more settings: see trials.jsonl)\n");
        }
        return text.toString();
    }
}
