package dev.lockstep.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.BadInputException;
import dev.lockstep.kernel.Activation;
import dev.lockstep.net.HeapNet;
import dev.lockstep.net.Initializer;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Real requests to a real server. */
class PredictionServerTest {
    private static final int SOCKET_TIMEOUT_MILLIS = 20_000;

    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private static HeapNet net;
    private static PredictionServer server;

    @BeforeAll
    static void start() {
        net = net(784);
        server = new PredictionServer(net, "127.0.0.1", 0);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static HeapNet net(int inputs) {
        try (Parameters weights = new Parameters(new NetworkShape(inputs, 13, 10))) {
            Initializer.NORMAL.initialize(weights, 0.5, 3);
            return new HeapNet(weights, Activation.TANH);
        }
    }

    private static URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.address().getPort() + path);
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return CLIENT.send(request.build(), BodyHandlers.ofString());
    }

    private static HttpResponse<String> predict(String type, byte[] body) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(uri("/predict"))
                .header("Content-Type", type)
                .POST(BodyPublishers.ofByteArray(body)));
    }

    private static byte[] json(int[] pixels) {
        return ("{\"width\": 28, \"height\": 28, \"pixels\": ["
                        + IntStream.of(pixels).mapToObj(Integer::toString).collect(Collectors.joining(",")) + "]}")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static void assertRefused(HttpResponse<String> answer, int status, String... words) throws IOException {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        String error = new ObjectMapper().readTree(answer.body()).path("error").textValue();
        assertThat(error).contains(words);
    }

    @Test
    void answersWhatTheNetworkMakesOfThePixelsThatItSaw() throws IOException, InterruptedException {
        int[] drawn = new int[784];
        new Random(4).ints(60, 200, 600).forEach(i -> drawn[i] = 200);
        HttpResponse<String> answer = predict("application/json; charset=utf-8", json(drawn));
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        JsonNode said = new ObjectMapper().readTree(answer.body());
        float[] z = net.newHidden();
        for (int i = 0; i < 784; i++) {
            net.addInput(i, said.path("pixels").get(i).intValue() / 255f, z);
        }
        net.activate(z);
        for (int h = 0; h < 13; h++) {
            assertThat(said.path("hidden").get(h).floatValue()).isEqualTo(z[h]);
        }
        float[] y = net.scores(z);
        HeapNet.softmax(y);
        double sum = 0;
        for (int k = 0; k < 10; k++) {
            assertThat(said.path("probabilities").get(k).floatValue()).isEqualTo(y[k]);
            assertThat(y[k]).isLessThanOrEqualTo(y[said.path("prediction").intValue()]);
            sum += y[k];
        }
        assertThat(sum).isCloseTo(1, within(1e-6));
        assertThat(said.path("hidden")).hasSize(13);
        assertThat(said.path("probabilities")).hasSize(10);
        assertThat(said.path("activation").textValue()).isEqualTo("tanh");
    }

    @Test
    void thePageComesFromHereAlone() throws IOException, InterruptedException {
        HttpResponse<String> page = send(HttpRequest.newBuilder(uri("/")).GET());
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
                .startsWith("default-src 'none'");
        assertThat(page.body()).contains("<canvas id=\"draw\"").doesNotContain("http://", "https://", "src=");
    }

    @Test
    void whatIsNotAskedForRightIsRefused() throws IOException, InterruptedException {
        assertRefused(send(HttpRequest.newBuilder(uri("/predict")).GET()), 405, "POST");
        assertRefused(send(HttpRequest.newBuilder(uri("/")).DELETE()), 405, "GET");
        assertRefused(send(HttpRequest.newBuilder(uri("/../etc/passwd")).GET()), 404, "/predict");
        assertRefused(predict("text/plain", new byte[3]), 400, "image/png", "text/plain");
        assertRefused(predict(";", new byte[3]), 400, "Content-Type");
        assertRefused(predict("image/png", new byte[3]), 400, "expected a PNG");
        assertRefused(predict("application/json", new byte[0]), 400, "width");
        assertRefused(predict("application/json", json(new int[784])), 400, "blank");
        byte[] nested = "[".repeat(100_000).getBytes(StandardCharsets.UTF_8);
        assertRefused(predict("application/json", nested), 400, "expected JSON");
        byte[] noise = new byte[5_000];
        new Random(9).nextBytes(noise);
        assertRefused(predict("application/json", noise), 400, "expected JSON");
    }

    @Test
    void aBodyThatIsTooLongIsRefusedAndNotKept() throws IOException, InterruptedException {
        byte[] large = new byte[PredictionServer.MAX_BODY_BYTES + 1];
        assertRefused(predict("image/png", large), 413, Integer.toString(PredictionServer.MAX_BODY_BYTES));
        // One that promises more than it sends, and sends more than it may.
        try (Socket socket = new Socket("127.0.0.1", server.address().getPort())) {
            socket.setSoTimeout(SOCKET_TIMEOUT_MILLIS);
            OutputStream out = socket.getOutputStream();
            out.write(
                    ("POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 9000000000\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            out.write(large);
            out.flush();
            InputStream in = socket.getInputStream();
            assertThat(new String(in.readNBytes(12), StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 413");
        }
        answersWhatTheNetworkMakesOfThePixelsThatItSaw();
    }

    /** A page from elsewhere may have its own name turned to this machine, and would be let in by the browser. */
    @Test
    void whoCallsThisMachineByAnotherNameIsRefused() throws IOException {
        for (String[] each : new String[][] {
            {"elsewhere.example", "421"},
            {"127.0.0.1.elsewhere.example:8080", "421"},
            {"localhost:1", "200"},
            {"[::1]", "200"}
        }) {
            try (Socket socket = new Socket("127.0.0.1", server.address().getPort())) {
                socket.setSoTimeout(SOCKET_TIMEOUT_MILLIS);
                socket.getOutputStream()
                        .write(("GET / HTTP/1.1\r\nHost: " + each[0] + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
                assertThat(new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII))
                        .as(each[0])
                        .isEqualTo("HTTP/1.1 " + each[1]);
            }
        }
    }

    @Test
    void aNetworkOrAPlaceThatWillNotDoIsNamed() {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> new PredictionServer(net(30), "127.0.0.1", 0))
                .withMessageContaining("784 inputs")
                .withMessageContaining("30-13-10");
        int taken = server.address().getPort();
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> new PredictionServer(net, "127.0.0.1", taken))
                .withMessageContaining("127.0.0.1:" + taken + ": cannot listen there");
    }
}
