package dev.lockstep.cli;

import dev.lockstep.tune.Search;
import dev.lockstep.tune.Trial;
import dev.lockstep.tune.TrialEnd;
import dev.lockstep.tune.TuneListener;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** Tells a person how a search goes: a line for each rung and each end of a trial, and what came of it. One thread. */
final class TuneProgress implements TuneListener {
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean isQuiet;

    TuneProgress(PrintWriter out, PrintWriter err, boolean isQuiet) {
        this.out = out;
        this.err = err;
        this.isQuiet = isQuiet;
    }

    void begins(List<Trial> trials, String data) {
        Trial first = trials.get(0);
        print(
                "%d trials on %s: %d examples to train with, %d to choose by, %d shards",
                trials.size(),
                data,
                first.plan().holdout().training(),
                first.plan().holdout().validation(),
                first.plan().shards());
        print("searched: %s", String.join(", ", first.settings().keySet()));
    }

    @Override
    public void rungBegins(int rung, int rungs, List<TrialEnd> known, List<Trial> trials) {
        print(
                "rung %d of %d: %d %s%s",
                rung,
                rungs,
                known.size() + trials.size(),
                known.size() + trials.size() == 1 ? "trial" : "trials",
                known.isEmpty() ? "" : ", of which " + known.size() + " have ended before");
    }

    @Override
    public void trialEnded(Trial trial, TrialEnd end, int left) {
        if (end.isDone()) {
            print(
                    "trial %4d  step %7d  validation %.4f  loss %s  train %.4f  %6.1f s  %d left",
                    end.trial(),
                    end.steps(),
                    end.validation().accuracy(),
                    TuneTable.figure(end.validation().loss()),
                    end.train().accuracy(),
                    end.seconds(),
                    left);
        } else {
            print(
                    "trial %4d  %s: %s  %d left",
                    end.trial(), end.status().name().toLowerCase(Locale.ROOT), end.message(), left);
        }
    }

    void finished(Search search, String directory, String page) {
        print("%nthe command of each trial:");
        for (TrialEnd end : search.lastEnds().keySet()) {
            print("# trial %d%n%s", end.trial(), search.trial(end.trial()).command(end.steps()));
        }
        print("%n%s", TuneTable.text(search));
        TrialEnd best = search.bestEnd();
        print("best            trial %d, found in %.1f s", best.trial(), search.seconds());
        print("validation acc. %.4f", best.validation().accuracy());
        print("test accuracy   %.4f", search.test().accuracy());
        print("weights sha256  %s", best.weightsSha256());
        print("command         %s", search.best().command());
        print("model           %s/best/model.safetensors", directory);
        if (page != null) {
            print("page            %s", page);
        }
    }

    void warned(String message) {
        err.println("lockstep: " + message);
        err.flush();
    }

    private void print(String format, Object... arguments) {
        if (!isQuiet) {
            out.println(String.format(Locale.ROOT, format, arguments));
            out.flush();
        }
    }
}
