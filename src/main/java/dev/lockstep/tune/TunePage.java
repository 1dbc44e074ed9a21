package dev.lockstep.tune;

import dev.lockstep.page.Figures;
import dev.lockstep.page.Html;
import dev.lockstep.page.Page;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The page of a search: the best trial, accuracy against each setting, the way through the rungs, every trial with its command. */
final class TunePage {
    private final Search search;
    private final Map<TrialEnd, Integer> lastEnds;
    private final List<Halving.Rung> rungs;

    TunePage(Search search) {
        this.search = search;
        this.lastEnds = search.lastEnds();
        this.rungs = search.halving().rungs();
    }

    String html() {
        Page page = new Page("Lockstep: a search");
        page.section("best", "The best", best());
        page.section("settings", "Settings", settings(page));
        if (rungs.size() > 1) {
            Html html = new Html();
            html.element(
                    "p",
                    "The best of each rung go on from where they are. Of those that did, the best "
                            + RungChart.MAX_TRIALS + " at most are drawn.");
            page.chart(new RungChart(search).chart(), html);
            page.section("rungs", "Rungs", html);
        }
        page.section("trials", "Trials", trials());
        page.section("search", "The search", configuration());
        return page.html(search.trials().size() + " trials on "
                + search.best().plan().train().name());
    }

    private Html best() {
        Html html = new Html();
        TrialEnd end = search.bestEnd();
        html.open("dl", "class", "tiles");
        html.tile("validation accuracy", end.validation().accuracy(), Figures.SHARE, "");
        html.tile("test accuracy", search.test().accuracy(), Figures.SHARE, "");
        html.tile("train accuracy", end.train().accuracy(), Figures.SHARE, "");
        html.tile("steps", end.steps(), "%,.0f", "");
        html.tile("trials", search.trials().size(), "%,.0f", "");
        html.tile("the search", search.seconds(), Figures.SECONDS, " s");
        html.closeLine();
        html.element("p", "Trial " + search.best().number() + ". This command trains the same network, bit for bit:");
        html.element("pre", search.best().command(), "class", "command").raw("\n");
        html.element(
                "p",
                "Trials are chosen by their accuracy on examples that are held out from training. The test examples had no say: only"
                        + " the best model was ever tried on them.");
        return html;
    }

    private Html settings(Page page) {
        Html html = new Html();
        if (search.failures() > 0) {
            html.element(
                    "p",
                    "Of " + search.trials().size() + " trials, " + search.failures()
                            + " came to no figures and have no mark; the table of the trials says why.",
                    "class",
                    "note");
        }
        for (Dimension dimension : search.space().dimensions()) {
            page.chart(new SettingChart(search, lastEnds, dimension).chart(), html);
        }
        return html;
    }

    /** What a rung is called. */
    static String name(List<Halving.Rung> rungs, int rung) {
        long divisor = rungs.get(rung).divisor();
        return divisor == 1 ? "all steps" : String.format(Locale.ROOT, "1/%,d of the steps", divisor);
    }

    private Html trials() {
        Html html = new Html();
        String caption = "Trials: those that did all their steps first, and the best first";
        openTable(html, caption, "");
        for (String name : List.of("trial", "steps", "validation", "loss", "train", "seconds")) {
            html.element("th", name, "scope", "col");
        }
        search.space().dimensions().forEach(dimension -> html.element("th", dimension.key(), "scope", "col"));
        html.close().close().open("tbody");
        for (TrialEnd end : lastEnds.keySet()) {
            html.open("tr").element("th", Integer.toString(end.trial()), "scope", "row");
            html.open("td").number(end.steps()).close();
            if (end.isDone()) {
                cell(html, end.validation().accuracy(), Figures.SHARE);
                cell(html, end.validation().loss(), Figures.SHARE);
                cell(html, end.train().accuracy(), Figures.SHARE);
            } else {
                html.element("td", end.status().name().toLowerCase(Locale.ROOT), "colspan", "3");
            }
            cell(html, end.seconds(), Figures.SECONDS);
            search.trial(end.trial()).settings().values().forEach(value -> html.element("td", value));
            html.closeLine();
        }
        html.close().close().closeLine();
        html.open("details").element("summary", "The command of each trial").open("dl");
        for (TrialEnd end : lastEnds.keySet()) {
            html.element("dt", "Trial " + end.trial() + (end.isDone() ? "" : ": " + end.message()));
            html.open("dd").element("pre", search.trial(end.trial()).command(end.steps()), "class", "command");
            html.closeLine();
        }
        html.close().closeLine();
        return html;
    }

    private static void openTable(Html html, String caption, String style) {
        html.openScroll(caption);
        html.open("table", "class", style).element("caption", caption);
        html.open("thead").open("tr");
    }

    private static void cell(Html html, double value, String format) {
        html.open("td").number(value, format).close();
    }

    private Html configuration() {
        Html html = new Html();
        openTable(html, "What was searched", "texts");
        html.element("th", "setting", "scope", "col")
                .element("th", "values", "scope", "col")
                .close()
                .close()
                .open("tbody");
        for (Dimension dimension : search.space().dimensions()) {
            html.open("tr").element("th", dimension.key(), "scope", "row");
            html.element("td", dimension.toString()).closeLine();
        }
        html.close().close().closeLine();
        openTable(html, "Trials of each rung", "");
        html.element("th", "steps", "scope", "col")
                .element("th", "trials", "scope", "col")
                .close()
                .close()
                .open("tbody");
        for (int k = 0; k < rungs.size(); k++) {
            html.open("tr").element("th", name(rungs, k), "scope", "row").open("td");
            html.number((long) search.rungs().get(k).size()).close().closeLine();
        }
        html.close().close().closeLine();
        html.element(
                "p",
                String.format(
                        Locale.ROOT,
                        "%,d examples to train with, %,d held out to choose by, %,d to test the best.",
                        search.best().plan().holdout().training(),
                        search.best().plan().holdout().validation(),
                        search.test().examples()));
        return html;
    }
}
