package dev.lockstep.cli;

import dev.lockstep.page.Figures;
import dev.lockstep.train.RunMeter;
import java.io.PrintWriter;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressState;

/**
 * One line of a terminal that tells how a run goes, written anew four times a second by the progress library's own thread; the
 * training thread does nothing for it. The cursor stays at its beginning, so whatever else is printed writes over it.
 */
final class LiveLine implements AutoCloseable {
    private static final int INTERVAL_MILLIS = 250;
    private static final String ERASE_LINE = "\r\u001b[K";
    private static final int BAR_CELLS = 12;

    private final PrintWriter out;
    private final RunMeter meter;
    private final ProgressBar bar;

    /** @param columns of the terminal */
    LiveLine(PrintWriter out, RunMeter meter, int columns) {
        this.out = out;
        this.meter = meter;
        this.bar = new ProgressBarBuilder()
                .setInitialMax(Math.max(1, meter.totalSteps()))
                .setUpdateIntervalMillis(INTERVAL_MILLIS)
                .continuousUpdate()
                .setRenderer(this::render)
                .setConsumer(new Terminal(columns - 1)) // a full line would move the cursor to the next
                .build();
    }

    private String render(ProgressState state, int columns) {
        double seconds = state.getElapsedAfterStart().toMillis() / 1e3;
        String line = text(meter, seconds);
        return line.substring(0, Math.min(Math.max(0, columns), line.length()));
    }

    /** What the line says after so many seconds. */
    static String text(RunMeter meter, double seconds) {
        long total = Math.max(1, meter.totalSteps());
        int cells = (int) (BAR_CELLS * Math.min(meter.step(), total) / total);
        StringBuilder line = new StringBuilder();
        line.append("=".repeat(cells)).append("-".repeat(BAR_CELLS - cells));
        line.append(String.format(Locale.ROOT, " step %d/%d", meter.step(), meter.totalSteps()));
        if (meter.stepsHere() > 0) {
            line.append(String.format(Locale.ROOT, "  loss %s", Figures.rounded(meter.loss())));
        }
        meter.latest()
                .ifPresent(evaluation -> line.append(String.format(
                        Locale.ROOT, "  test %.4f", evaluation.test().accuracy())));
        if (meter.stepsHere() > 0 && seconds > 0) {
            double rate = meter.stepsHere() / seconds;
            long left = Math.round((meter.totalSteps() - meter.step()) / rate);
            line.append(String.format(Locale.ROOT, "  %.0f steps/s  %d:%02d left", rate, left / 60, left % 60));
        }
        return line.toString();
    }

    /** Ends it, and leaves an empty line behind. */
    @Override
    public void close() {
        bar.close();
        out.print(ERASE_LINE);
        out.flush();
    }

    private final class Terminal implements ProgressBarConsumer {
        private final int columns;

        Terminal(int columns) {
            this.columns = columns;
        }

        @Override
        public int getMaxRenderedLength() {
            return columns;
        }

        @Override
        public void accept(String line) {
            out.print(ERASE_LINE + line + "\r");
            out.flush();
        }

        @Override
        public void close() {}
    }
}
