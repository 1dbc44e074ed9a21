package dev.lockstep.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the figures were measured on. */
final class Machine {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    private Machine() {}

    /**
     * Names and values, in the order of the table's heading.
     *
     * @param numpy version of NumPy, or that it is absent
     * @param openBlas version of OpenBLAS, or that it is absent
     * @param kernel the kernels that are measured
     */
    static Map<String, String> describe(String numpy, String openBlas, String kernel) throws IOException {
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("cpu", cpu());
        texts.put("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
        texts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        texts.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        texts.put("jdk", System.getProperty("java.version") + ", " + System.getProperty("java.vendor"));
        texts.put("kernel", kernel);
        texts.put("spark", org.apache.spark.package$.MODULE$.SPARK_VERSION());
        texts.put("numpy", numpy);
        texts.put("openblas", openBlas);
        return texts;
    }

    private static String cpu() throws IOException {
        if (!Files.isReadable(CPU_INFO)) {
            return "unknown";
        }
        return Files.readAllLines(CPU_INFO).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.replaceFirst("^[^:]*:\\s*", ""))
                .findFirst()
                .orElse("unknown");
    }
}
