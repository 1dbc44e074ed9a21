package dev.lockstep.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What is measured of single kernels, by JMH, one thread. */
final class KernelExperiments {
    private static final String ROOF = "roof";
    private static final String COPY = "copying the rows";
    private static final int ROWS = 100;
    private static final int DENSE_ROWS = 256;
    private static final double BYTES_PER_MICRO_IN_GIGABYTES = 1e-3;
    private static final double MEGABYTE = 1e6;

    private final JmhRuns jmh;
    private final Path data;
    /** Bytes that each kernel moves; known after the first run. */
    private final Map<StepKernel, Long> bytes = new LinkedHashMap<>();

    private int w1Floats;

    KernelExperiments(JmhRuns jmh, Path data) {
        this.jmh = jmh;
        this.data = data;
    }

    /** All kernels of a step against the roof. */
    Experiment kernels(Row row) {
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, this::step);
        sides.put(ROOF, () -> roof(1));
        return new Experiment("kernels", List.of(row), sides, this::split, rounds -> List.of("the lines above"));
    }

    private void measureBytes() {
        if (bytes.isEmpty()) {
            try (KernelStep step = KernelStep.ofImages(data.toString(), ROWS)) {
                for (StepKernel kernel : StepKernel.values()) {
                    bytes.put(kernel, step.bytes(kernel));
                }
                w1Floats = step.w1Floats();
            }
        }
    }

    private Map<String, Double> step() {
        measureBytes();
        Map<String, String> given = Map.of("data", data.toString(), "rows", Integer.toString(ROWS));
        Map<String, Double> micros = jmh.micros(KernelBenchmark.class, "kernel", given, "kernel");
        Map<String, String> any = new LinkedHashMap<>(given);
        any.put("kernel", StepKernel.FORWARD.name());
        Map<String, Double> figures = new LinkedHashMap<>();
        figures.put(COPY, jmh.micros(KernelBenchmark.class, "copy", any));
        double sum = 0;
        long moved = 0;
        for (StepKernel kernel : StepKernel.values()) {
            double each = micros.get(kernel.name());
            figures.put(kernel.label(), each);
            sum += each;
            moved += bytes.get(kernel);
        }
        figures.put(Side.GIGABYTES_PER_SECOND, moved / sum * BYTES_PER_MICRO_IN_GIGABYTES);
        return figures;
    }

    private Map<String, Double> roof(int times) {
        measureBytes();
        int floats = w1Floats * times;
        double micros = jmh.micros(KernelBenchmark.class, ROOF, Map.of("floats", Integer.toString(floats)));
        double gigabytes = (double) floats * Float.BYTES / micros * BYTES_PER_MICRO_IN_GIGABYTES;
        return Map.of(Side.GIGABYTES_PER_SECOND, gigabytes, Side.MICROS, micros);
    }

    /** A line for each kernel. */
    private List<String> split(Rounds rounds) {
        if (rounds.problem(Experiment.OURS) != null) {
            return List.of();
        }
        double roof = rounds.samples(ROOF, Side.GIGABYTES_PER_SECOND).median();
        List<String> lines = new ArrayList<>();
        for (StepKernel kernel : bytes.keySet()) {
            double micros = rounds.samples(Experiment.OURS, kernel.label()).median();
            double gigabytes = bytes.get(kernel) / micros * BYTES_PER_MICRO_IN_GIGABYTES;
            lines.add(String.format(
                    Locale.ROOT,
                    "%-34s %7.2f us  %6.3f MB  %6.1f GB/s  %5.2f of the roof",
                    kernel.label(),
                    micros,
                    bytes.get(kernel) / MEGABYTE,
                    gigabytes,
                    gigabytes / roof));
        }
        lines.add(String.format(
                Locale.ROOT,
                "%-34s %7.2f us  not counted: done while weights are waited for",
                COPY,
                rounds.samples(Experiment.OURS, COPY).median()));
        return lines;
    }

    /** Forward and gradient of a batch without zeros against OpenBLAS. */
    Experiment dense(Row row) {
        Map<String, Side> sides = denseSides(DENSE_ROWS);
        return new Experiment("dense", List.of(row), sides, rounds -> List.of(), rounds -> denseSplit());
    }

    private Map<String, Side> denseSides(int rows) {
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put(Experiment.OURS, () -> Map.of(Side.MICROS, denseMicros("ours", rows)));
        sides.put(OpenBlas.NAME, () -> {
            OpenBlas.load();
            return Map.of(Side.MICROS, denseMicros("theirs", rows));
        });
        return sides;
    }

    private double denseMicros(String benchmark, int rows) {
        return jmh.micros(DenseBenchmark.class, benchmark, Map.of("rows", Integer.toString(rows)));
    }

    private List<String> denseSplit() {
        return List.of(
                line("copying the rows", denseMicros("oursCopy", DENSE_ROWS), Double.NaN),
                line("forward", denseMicros("oursForward", DENSE_ROWS), denseMicros("theirsForward", DENSE_ROWS)),
                line("gradient", denseMicros("oursGradient", DENSE_ROWS), denseMicros("theirsGradient", DENSE_ROWS)));
    }

    private static String line(String part, double ours, double theirs) {
        return String.format(Locale.ROOT, "%-18s ours %7.1f us", part, ours)
                + (Double.isNaN(theirs) ? "" : String.format(Locale.ROOT, "  OpenBLAS %7.1f us", theirs));
    }

    /** Twice the rows, and a read of twice the length. */
    List<Control> controls() {
        Control.Bounds bounds = jmh.quick() ? Control.Bounds.QUICK : Control.Bounds.REAL;
        Map<String, Side> once = Map.of(ROOF, () -> roof(1));
        Map<String, Side> twice = Map.of(ROOF, () -> roof(2));
        return List.of(
                new Control("dense products", Side.MICROS, denseSides(DENSE_ROWS), denseSides(2 * DENSE_ROWS), bounds),
                new Control("streaming read", Side.MICROS, once, twice, bounds));
    }
}
