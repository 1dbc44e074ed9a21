package dev.lockstep.cli;

import dev.lockstep.model.ModelFile;
import dev.lockstep.net.HeapNet;
import dev.lockstep.serve.PredictionServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code serve}: a page on which one draws a digit, and predictions over HTTP. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Opens a page on which one draws a digit and sees what the model makes of it; POST /predict answers"
                        + " programs. Until Ctrl-C.",
        footerHeading = "%nExample: ",
        footer = "submit/lockstep serve --model RUN/model.safetensors --port 8080")
final class ServeCommand implements Callable<Integer> {
    /** Seconds that a client may take to send a request, and to take the answer: none holds a thread for long. */
    private static final String EXCHANGE_SECONDS = "10";

    @Spec
    private CommandSpec spec;

    @Option(names = "--model", paramLabel = "URI", required = true, description = "The model.safetensors of a run.")
    private String model;

    @Option(
            names = "--host",
            paramLabel = "NAME",
            defaultValue = "127.0.0.1",
            description = "Address to listen on; the default is reached from this machine only (${DEFAULT-VALUE}).")
    private String host;

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "8080",
            description = "Port to listen on; 0 for any that is free (${DEFAULT-VALUE}).")
    private int port;

    @Override
    public Integer call() throws Exception {
        Checks.range("--port", port, 0, 65_535);
        System.setProperty("sun.net.httpserver.maxReqTime", EXCHANGE_SECONDS);
        System.setProperty("sun.net.httpserver.maxRspTime", EXCHANGE_SECONDS);
        HeapNet net;
        try (ModelFile.Model read = ModelFile.read(SparkSessions.hadoop(), model)) {
            net = new HeapNet(read.weights(), read.activation());
        }
        try (PredictionServer server = new PredictionServer(net, host, port)) {
            InetSocketAddress address = server.address();
            spec.commandLine()
                    .getOut()
                    .println("serving " + model + ", network " + net.shape() + ", on " + url(host, address.getPort())
                            + " until Ctrl-C");
            spec.commandLine().getOut().flush();
            new CountDownLatch(1).await();
        }
        return 0;
    }

    /** In a URL an IPv6 address stands in brackets. */
    static String url(String host, int port) {
        boolean isBare = host.indexOf(':') >= 0 && !host.startsWith("[");
        return "http://" + (isBare ? "[" + host + "]" : host) + ":" + port + "/";
    }
}
