package dev.lockstep.serve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.lockstep.BadInputException;
import dev.lockstep.net.HeapNet;
import dev.lockstep.net.NetworkShape;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers over HTTP what a model makes of a drawing. {@code GET /} is a page to draw on; {@code POST /predict} takes a PNG
 * ({@code Content-Type: image/png}) or JSON (see {@link Drawing#ofJson}) and answers JSON: the class, the probabilities, the
 * hidden units' outputs, and the 28 x 28 pixels that the network saw. Bad input is answered by 400 and {@code {"error":
 * reason}}, a body of more than {@value #MAX_BODY_BYTES} bytes by 413. A few threads answer; they and the port are freed by
 * {@link #close}.
 */
public final class PredictionServer implements AutoCloseable {
    /** Bytes of a request's body, at most: a drawing of the largest size as JSON need not fit. */
    static final int MAX_BODY_BYTES = 1 << 20;

    /** What a browser on this machine calls it. A page whose name was turned to this address would have its own. */
    private static final Pattern LOOPBACK_HOST =
            Pattern.compile("(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d{1,5})?", Pattern.CASE_INSENSITIVE);

    private static final Logger LOG = LoggerFactory.getLogger(PredictionServer.class);
    private static final int THREADS = 4;
    private static final float PIXEL_MAX = 255f;

    private final HeapNet net;
    private final HttpServer server;
    private final ExecutorService threads;
    private final byte[] page;

    /**
     * Begins to answer.
     *
     * @param host to listen on: who reaches it, reaches the server
     * @param port 0 for any that is free
     * @throws BadInputException if the network does not take 28 x 28 pixels, or there is no listening on host and port
     */
    public PredictionServer(HeapNet net, String host, int port) {
        NetworkShape shape = net.shape();
        if (shape.inputs() != Drawing.SIDE * Drawing.SIDE) {
            throw new BadInputException("model: expected a network of " + Drawing.SIDE * Drawing.SIDE
                    + " inputs, 28 x 28 pixels, found " + shape);
        }
        this.net = net;
        this.page = page();
        try {
            this.server = HttpServer.create(new InetSocketAddress(host, port), 0);
        } catch (IOException | IllegalArgumentException e) {
            throw new BadInputException(host + ":" + port + ": cannot listen there: " + e.getMessage(), e);
        }
        this.threads = Executors.newFixedThreadPool(THREADS, work -> {
            Thread thread = new Thread(work, "lockstep-serve");
            thread.setDaemon(true);
            return thread;
        });
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    private static byte[] page() {
        try (InputStream in = PredictionServer.class.getResourceAsStream("draw.html")) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException("draw.html cannot be read from the jar", e);
        }
    }

    /** Where it listens. */
    public InetSocketAddress address() {
        return server.getAddress();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String host = exchange.getRequestHeaders().getFirst("Host");
            if (server.getAddress().getAddress().isLoopbackAddress()
                    && host != null
                    && !LOOPBACK_HOST.matcher(host).matches()) {
                refuse(exchange, 421, null, "Host: expected localhost or 127.0.0.1, as nobody else is to ask");
                return;
            }
            String method = exchange.getRequestMethod();
            switch (exchange.getRequestURI().getPath()) {
                case "/" -> {
                    if (method.equals("GET") || method.equals("HEAD")) {
                        send(exchange, 200, "text/html; charset=utf-8", page);
                    } else {
                        refuse(exchange, 405, "GET", method + " /: expected GET");
                    }
                }
                case "/predict" -> {
                    if (method.equals("POST")) {
                        predict(exchange);
                    } else {
                        refuse(exchange, 405, "POST", method + " /predict: expected POST");
                    }
                }
                default -> refuse(exchange, 404, null, "expected GET / or POST /predict");
            }
        } catch (RuntimeException e) {
            LOG.warn("a request failed", e); // the client sees its connection end
        }
    }

    private void predict(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
        if (body.length > MAX_BODY_BYTES) {
            refuse(exchange, 413, null, "body: expected at most " + MAX_BODY_BYTES + " bytes, found more");
            return;
        }
        int[] pixels;
        try {
            pixels = drawing(exchange.getRequestHeaders().getFirst("Content-Type"), body)
                    .likeMnist();
        } catch (BadInputException e) {
            refuse(exchange, 400, null, e.getMessage());
            return;
        }
        send(exchange, 200, "application/json", json(pixels));
    }

    private static Drawing drawing(String contentType, byte[] body) {
        String type = contentType == null
                ? "nothing"
                : contentType.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        return switch (type) {
            case "image/png" -> Drawing.ofPng(body);
            case "application/json" -> Drawing.ofJson(body);
            default ->
                throw new BadInputException("Content-Type: expected image/png or application/json, found " + type);
        };
    }

    private byte[] json(int[] pixels) throws IOException {
        float[] z = net.newHidden();
        for (int i = 0; i < pixels.length; i++) {
            if (pixels[i] != 0) {
                net.addInput(i, pixels[i] / PIXEL_MAX, z);
            }
        }
        net.activate(z);
        float[] probabilities = net.scores(z);
        HeapNet.softmax(probabilities);
        ObjectNode json = new ObjectMapper().createObjectNode();
        int best = 0;
        for (int k = 1; k < probabilities.length; k++) {
            best = probabilities[k] > probabilities[best] ? k : best;
        }
        json.put("prediction", best);
        var list = json.putArray("probabilities");
        for (float probability : probabilities) {
            list.add(probability);
        }
        json.put("activation", net.activation().name().toLowerCase(Locale.ROOT));
        list = json.putArray("hidden");
        for (int h = 0; h < net.shape().hidden(); h++) {
            list.add(z[h]);
        }
        list = json.putArray("pixels");
        for (int pixel : pixels) {
            list.add(pixel);
        }
        return new ObjectMapper().writeValueAsBytes(json);
    }

    private static void refuse(HttpExchange exchange, int status, String allow, String reason) throws IOException {
        if (allow != null) {
            exchange.getResponseHeaders().set("Allow", allow);
        }
        byte[] json = new ObjectMapper()
                .writeValueAsBytes(new ObjectMapper().createObjectNode().put("error", reason));
        send(exchange, status, "application/json", json);
    }

    private static void send(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
        var headers = exchange.getResponseHeaders();
        headers.set("Content-Type", type);
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Cache-Control", "no-store");
        headers.set(
                "Content-Security-Policy",
                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self';"
                        + " frame-ancestors 'none'");
        boolean isHead = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(status, isHead ? -1 : body.length);
        if (!isHead) {
            exchange.getResponseBody().write(body);
            exchange.getResponseBody().flush(); // closing waits for the rest of the request first
        }
    }

    /** Ends it; answers under way are cut off. */
    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
