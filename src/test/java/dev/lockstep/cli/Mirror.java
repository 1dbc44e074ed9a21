package dev.lockstep.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A web server on this machine that gives files, wholly or from an offset on, and breaks off where it is told to. */
final class Mirror implements AutoCloseable {
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, byte[]> files = new ConcurrentHashMap<>();
    private final Map<String, Integer> cuts = new ConcurrentHashMap<>();
    private final Map<String, Integer> cutOnce = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    Mirror() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    /** The folder of the files. */
    String url() {
        return "http://" + server.getAddress().getAddress().getHostAddress() + ":"
                + server.getAddress().getPort() + "/set";
    }

    /** Gives a file under a name. */
    void put(String name, byte[] content) {
        files.put(name, content);
    }

    /** From now on this file's connections end after its first {@code length} bytes, and none of the rest is given. */
    void cutAt(String name, int length) {
        cuts.put(name, length);
    }

    /** The next connection for this file ends after its first {@code length} bytes; those after it are whole. */
    void cutOnceAt(String name, int length) {
        cutOnce.put(name, length);
    }

    void mend(String name) {
        cuts.remove(name);
    }

    /** What was asked for so far: the name, and after a blank the range if there was one. */
    List<String> requests() {
        return List.copyOf(requests);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String name = exchange.getRequestURI().getPath().replaceFirst("^/set/", "");
            String range = exchange.getRequestHeaders().getFirst("Range");
            requests.add(range == null ? name : name + " " + range);
            byte[] content = files.get(name);
            if (content == null) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            int from = range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
            Integer cut = cutOnce.containsKey(name) ? cutOnce.remove(name) : cuts.get(name);
            int to = cut == null ? content.length : Math.min(content.length, cut);
            if (from >= to) {
                exchange.sendResponseHeaders(503, -1);
                return;
            }
            if (range != null) {
                exchange.getResponseHeaders()
                        .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
            }
            exchange.sendResponseHeaders(range == null ? 200 : 206, content.length - from);
            // Fewer bytes than were announced: closing the exchange then closes the connection.
            exchange.getResponseBody().write(Arrays.copyOfRange(content, from, to));
            exchange.getResponseBody().flush();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
