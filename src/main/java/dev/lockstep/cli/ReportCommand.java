package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.report.Report;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code report}: the page of a run, made again from what the run left, or several runs on one page. */
@Command(
        name = "report",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Makes report.html of a run again, or lays several runs side by side.",
        footerHeading = "%nExample: ",
        footer = "submit/lockstep report --compare target/runs/a target/runs/b --out comparison.html")
final class ReportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--run",
            paramLabel = "URI",
            description = "Directory of a run; report.html there is replaced (none).")
    private String run;

    @Option(
            names = "--data",
            paramLabel = "URI",
            description = "Directory of its test files, if they have moved (as the run's configuration says).")
    private String data;

    @Option(
            names = "--compare",
            arity = "1..*",
            paramLabel = "URI",
            description = "Directories of runs to lay side by side, instead of --run (none).")
    private List<String> compare;

    @Option(names = "--out", paramLabel = "URI", description = "The page of --compare (comparison.html).")
    private String out;

    @Option(names = "--overwrite", description = "Replace the file in --out.")
    private boolean overwrite;

    @Override
    public Integer call() throws IOException {
        if ((run == null) == (compare == null)) {
            throw new BadInputException(
                    "expected either --run or --compare, found " + (run == null ? "neither" : "both"));
        }
        if (run != null && (out != null || overwrite)) {
            throw new BadInputException("--out, --overwrite: expected with --compare, found with --run");
        }
        if (run == null && data != null) {
            throw new BadInputException("--data: expected with --run, found with --compare, which needs no data");
        }
        Configuration hadoop = SparkSessions.hadoop();
        Path page;
        if (run != null) {
            page = Report.write(hadoop, run, data);
        } else {
            String file = out == null ? "comparison.html" : out;
            OutputFile.require(hadoop, "--out", file, overwrite);
            page = Report.compare(hadoop, compare, file);
        }
        spec.commandLine().getOut().println("report          " + page);
        spec.commandLine().getOut().flush();
        return 0;
    }
}
