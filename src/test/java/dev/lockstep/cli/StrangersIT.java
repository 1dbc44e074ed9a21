package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.data.IdxWriter.Storage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What strangers get of a run on a cluster: at its port nothing, and each attempt stands in the log; and its secret is on no
 * command line, in no environment, log, event of Spark's (which is what its user interface shows) or file.
 */
class StrangersIT {
    private static final String EVERYTHING = """
            rootLogger.level = debug
            rootLogger.appenderRef.stderr.ref = stderr
            appender.stderr.type = Console
            appender.stderr.name = stderr
            appender.stderr.target = SYSTEM_ERR
            appender.stderr.layout.type = PatternLayout
            appender.stderr.layout.pattern = %p %c: %m%n%ex
            logger.lockstep.name = dev.lockstep
            logger.lockstep.level = trace
            """;

    private static final int SECRET_DIGITS = 64;
    private static final int RUN_ID_DIGITS = 16;
    private static final int ATTEMPTS = 3;

    @TempDir
    Path directory;

    /** What can be read, in Latin 1 so that no byte is lost, by where it stands. */
    private final Map<String, String> places = new TreeMap<>();

    private static String read(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.ISO_8859_1);
    }

    private void addFiles(Path below) throws IOException {
        try (Stream<Path> paths = Files.walk(below)) {
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                places.put(path.toString(), read(path));
            }
        }
    }

    private void addProcess(ProcessHandle process) {
        for (String name : new String[] {"cmdline", "environ"}) {
            Path file = Path.of("/proc", Long.toString(process.pid()), name);
            try {
                places.put(file.toString(), read(file));
            } catch (IOException e) {
                continue; // it has just ended
            }
        }
    }

    /** How somebody may write down bytes, lower-case. */
    private static List<String> forms(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        String list = Arrays.toString(bytes);
        String base64 = Base64.getEncoder().withoutPadding().encodeToString(bytes);
        return Stream.of(
                        hex,
                        base64,
                        list.substring(1, list.length() - 1),
                        new String(bytes, StandardCharsets.ISO_8859_1))
                .map(StrangersIT::lower)
                .toList();
    }

    private static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    private List<String> placesOf(String hex) {
        return places.entrySet().stream()
                .filter(place -> forms(hex).stream().anyMatch(lower(place.getValue())::contains))
                .map(Map.Entry::getKey)
                .toList();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Knocks, and waits until the connection has been ended without a word. Returns the address that the driver saw. */
    private static String knock(int port) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(socket.getInputStream().read()).as("answer").isEqualTo(-1);
            return "127.0.0.1:" + socket.getLocalPort();
        }
    }

    @Test
    void theyAreNotAnsweredAndCannotReadTheSecret() throws IOException {
        Path random = directory.resolve("random");
        Path events = Files.createDirectory(directory.resolve("events"));
        Path run = directory.resolve("run");
        Path metrics = run.resolve("metrics.jsonl");
        Path log = Files.writeString(directory.resolve("log4j2.properties"), EVERYTHING);
        // SUN, which is the first otherwise, has the digests that Java itself needs.
        String providers = "security.provider.1=" + KnownRandom.class.getName() + "\nsecurity.provider.2=SUN\n";
        Path provider = Files.writeString(directory.resolve("java.security"), providers);
        String logOption = "-Dlog4j2.configurationFile=" + log;
        List<Object> words = new ArrayList<>(List.of("--master", "local-cluster[1,1,1024]"));
        words.addAll(List.of("--driver-class-path", Programs.project("target/test-classes")));
        words.addAll(List.of(
                "--driver-java-options",
                logOption + " -Djava.security.properties=" + provider + " -D" + KnownRandom.FILE_PROPERTY + "="
                        + random));
        for (String conf : new String[] {
            "spark.ui.enabled=false",
            "spark.eventLog.enabled=true",
            "spark.eventLog.compress=false",
            "spark.eventLog.rolling.enabled=false",
            "spark.eventLog.dir=" + events.toUri(),
            "spark.executor.extraJavaOptions=" + logOption
        }) {
            words.addAll(List.of("--conf", conf));
        }
        words.addAll(List.of("train", "--data", Snapshot.tinyData(directory.resolve("data"), Storage.PLAIN)));
        int port = freePort();
        words.addAll(List.of(
                "--exchange-port",
                port,
                "--out",
                run,
                "--iterations",
                5_000,
                "--log-every",
                10,
                "--checkpoint-every",
                1_000));
        Programs programs = new Programs(Files.createDirectory(directory.resolve("processes")));
        Programs.Running training = programs.startLockstep(words.toArray());
        training.await("no step in " + metrics, () -> Files.exists(metrics) && Files.size(metrics) > 0);
        List<String> addresses = new ArrayList<>();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            addresses.add(knock(port));
        }
        addProcess(training.process().toHandle());
        training.process().descendants().forEach(this::addProcess);
        Outcome outcome = training.outcome().succeeded();
        assertThat(addresses).allSatisfy(address -> {
            assertThat(outcome.errLines())
                    .filteredOn(line -> line.contains(address + " was refused: "))
                    .hasSize(1);
        });
        assertThat(new ObjectMapper()
                        .readTree(run.resolve("summary.json").toFile())
                        .path("strangers_refused")
                        .asInt())
                .isEqualTo(ATTEMPTS);
        for (Path left : List.of(run, events, training.out(), training.err())) {
            addFiles(left);
        }
        for (String application : Snapshot.names(events)) {
            addFiles(Programs.project("target/spark/work").resolve(application));
        }
        assertThat(outcome.errLines()).as("the driver's log").anyMatch(line -> line.startsWith("DEBUG "));
        assertThat(places.keySet())
                .as("what was read")
                .anyMatch(place -> place.endsWith("/cmdline"))
                .anyMatch(place -> place.endsWith("summary.json"))
                .anyMatch(place -> place.endsWith("0/stderr"));

        List<String> numbers = Files.readAllLines(random);
        assertThat(numbers)
                .filteredOn(number -> number.length() == SECRET_DIGITS)
                .isNotEmpty()
                .allSatisfy(secret -> {
                    assertThat(placesOf(secret)).as("places of the secret").isEmpty();
                });
        // The name of the run is drawn like the secret, and is no secret: what is known is what is used, and is found.
        assertThat(numbers)
                .filteredOn(number -> number.length() == RUN_ID_DIGITS)
                .flatMap(this::placesOf)
                .anyMatch(place -> place.startsWith(events.toString()))
                .anyMatch(place -> place.endsWith("0/stderr"));
    }
}
