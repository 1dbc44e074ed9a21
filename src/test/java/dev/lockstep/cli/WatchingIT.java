package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run is watched from outside while it goes on: its metrics file, and Spark's own Prometheus sink. */
class WatchingIT {
    private static final String SINK = "spark.metrics.conf.*.sink.prometheusServlet";
    private static final String PREFIX = "metrics_watched_driver_plugin_dev_lockstep_train_MetricsPlugin_";

    @TempDir
    Path directory;

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static String get(URI uri) throws IOException {
        try {
            return HttpClient.newHttpClient()
                    .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                    .body();
        } catch (ConnectException e) {
            return ""; // Spark is not up yet
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    /** A gauge; empty if it is not there or not a number. */
    private static OptionalDouble gauge(String page, String name) {
        Matcher line = Pattern.compile("(?m)^" + PREFIX + name + "_Value\\{[^}]*} (-?[0-9.E-]+)$")
                .matcher(page);
        return line.find() ? OptionalDouble.of(Double.parseDouble(line.group(1))) : OptionalDouble.empty();
    }

    private static double number(String page, String name) {
        return gauge(page, name).orElseThrow(() -> new AssertionError(name + " in\n" + page));
    }

    @Test
    void metricsAreServedAndFollowedWhileTheRunGoesOn() throws IOException {
        int port = freePort();
        URI uri = URI.create("http://127.0.0.1:" + port + "/metrics/prometheus/");
        Path run = directory.resolve("run");
        Programs.Running running = new Programs(directory)
                .startLockstep(
                        "--master",
                        "local[2]",
                        "--conf",
                        "spark.ui.port=" + port,
                        "--conf",
                        SINK + ".class=org.apache.spark.metrics.sink.PrometheusServlet",
                        "--conf",
                        SINK + ".path=/metrics/prometheus",
                        "--conf",
                        "spark.metrics.namespace=watched",
                        "train",
                        "--data",
                        Programs.project("data/mnist-10k"),
                        "--out",
                        run,
                        "--iterations",
                        100_000_000,
                        "--evaluate-every",
                        100,
                        "--log-every",
                        50);
        try {
            running.await(
                    "a served evaluation",
                    () -> gauge(get(uri), "test_accuracy").isPresent());
            String page = get(uri);
            double step = number(page, "step");
            assertThat(step).isGreaterThanOrEqualTo(100);
            assertThat(number(page, "total_steps")).isEqualTo(100_000_000);
            assertThat(number(page, "loss")).isBetween(0.0, 3.0);
            assertThat(number(page, "learning_rate")).isEqualTo(0.1f);
            assertThat(number(page, "test_accuracy")).isBetween(0.05, 1.0);
            assertThat(number(page, "step_millis_p50")).isPositive();
            assertThat(number(page, "step_millis_p99")).isGreaterThanOrEqualTo(number(page, "step_millis_p50"));
            assertThat(number(page, "workers_joined")).isEqualTo(1);
            assertThat(number(page, "workers_lost")).isZero();
            assertThat(number(page, "bytes_up")).isZero(); // all workers are in the driver's process
            assertThat(number(page, "worker_driver_steps")).isPositive();
            assertThat(number(page, "worker_driver_answer_seconds")).isPositive();
            running.await("a later step", () -> gauge(get(uri), "step").orElse(0) > step);

            // Every line is there, whole, soon after its step, though the file is open.
            List<String> lines = Files.readAllLines(run.resolve("metrics.jsonl"));
            long last = new ObjectMapper()
                    .readTree(lines.get(lines.size() - 2))
                    .path("step")
                    .asLong();
            assertThat(last).isGreaterThanOrEqualTo(100);
            running.await("a later line", () -> {
                String text = Files.readString(run.resolve("metrics.jsonl"));
                return text.contains("{\"step\":" + (last + 200) + ",");
            });
            assertThat(running.process().isAlive()).isTrue();
        } finally {
            running.process().destroy();
            running.outcome();
        }
    }
}
