import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipException;

/**
 * Gets the whole of MNIST or Fashion-MNIST: from a mirror, resuming what was broken off, or from a folder. A file
 * gets its final name only when its contents have been checked. Run by data/fetch; needs nothing but a JDK 17 or later.
 */
public final class Fetch {
    private static final String USAGE = "usage: data/fetch mnist|fashion-mnist [--from DIR | --mirror URL ...] "
        + "[--to DIR] [--timeout SECONDS]";
    /** Attempts on one mirror and file; each goes on where the last one broke off. */
    private static final int ATTEMPTS = 8;
    /** Attempts in a row that bring nothing new, after which a mirror is given up. */
    private static final int FRUITLESS = 2;
    private static final int BLOCK = 1 << 16;

    private final DataSet set;
    private final Options options;
    private final HttpClient client;
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(Fetch::daemon);

    private Fetch(DataSet set, Options options) {
        this.set = set;
        this.options = options;
        // HTTP/1.1, as plain mirrors do not all answer well to the upgrade that the client would ask for.
        this.client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NORMAL).connectTimeout(options.timeout).build();
    }

    /** One of the four files: its name without .gz, and the size and SHA-256 of its uncompressed contents. */
    private record Item(String name, long size, String sha256) {
        String gz() {
            return name + ".gz";
        }
    }

    private record DataSet(List<Item> items, List<String> mirrors, List<Path> folders) {
    }

    private record Options(String set, Path from, Path to, List<String> mirrors, Duration timeout) {
    }

    /** What reading a file to its end found; {@code detail} is what to tell of it when it is not whole. */
    private record Check(State state, String detail) {
        boolean whole() {
            return state == State.WHOLE;
        }
    }

    private enum State { WHOLE, CUT_OFF, DAMAGED }

    /** A failure with the exit status it leads to: 2 for wrong usage or bad input, 1 for anything else. */
    private static final class Failure extends Exception {
        private static final long serialVersionUID = 1L;
        private final int status;

        Failure(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    /** A mirror that cannot give the file, however often it is asked. */
    private static final class MirrorFailure extends IOException {
        private static final long serialVersionUID = 1L;

        MirrorFailure(String message) {
            super(message);
        }
    }

    private static final Map<String, DataSet> SETS = Map.of(
        "mnist", new DataSet(
            items("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
            List.of("https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/"),
            List.of()),
        "fashion-mnist", new DataSet(
            items("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
            // The second is not to be had over https; the digests above vouch for what comes.
            List.of("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
            // Where Debian's package dataset-fashion-mnist installs them.
            List.of(Path.of("/usr/share/datasets/fashion-mnist"))));

    private static List<Item> items(String trainImages, String trainLabels, String testImages, String testLabels) {
        return List.of(
            new Item("train-images-idx3-ubyte", 47_040_016, trainImages),
            new Item("train-labels-idx1-ubyte", 60_008, trainLabels),
            new Item("t10k-images-idx3-ubyte", 7_840_016, testImages),
            new Item("t10k-labels-idx1-ubyte", 10_008, testLabels));
    }

    public static void main(String[] args) {
        int status = 0;
        try {
            Options options = parse(args);
            if (options == null) {
                System.out.println(USAGE);
            } else {
                new Fetch(SETS.get(options.set), options).run();
            }
        } catch (Failure failure) {
            System.err.println("fetch: " + failure.getMessage());
            status = failure.status;
        } catch (InterruptedException | IOException | RuntimeException failure) {
            System.err.println("fetch: " + reason(failure));
            status = 1;
        }
        System.exit(status);
    }

    /** The options, or null when help is asked for. */
    private static Options parse(String[] args) throws Failure {
        String set = null;
        Path from = null;
        Path to = null;
        List<String> mirrors = new ArrayList<>();
        Duration timeout = Duration.ofSeconds(30);
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--help", "-h" -> {
                    return null;
                }
                case "--from" -> from = Path.of(value(args, ++i));
                case "--to" -> to = Path.of(value(args, ++i));
                case "--mirror" -> mirrors.add(mirror(value(args, ++i)));
                case "--timeout" -> timeout = seconds(value(args, ++i));
                default -> {
                    if (args[i].startsWith("-")) {
                        throw new Failure(2, "expected an option below, found " + args[i] + "; " + USAGE);
                    }
                    if (set != null || !SETS.containsKey(args[i])) {
                        throw new Failure(2, "expected one of mnist, fashion-mnist, once, found " + args[i] + "; "
                            + USAGE);
                    }
                    set = args[i];
                }
            }
        }
        if (set == null) {
            throw new Failure(2, "expected one of mnist, fashion-mnist, found neither; " + USAGE);
        }
        if (from != null && !mirrors.isEmpty()) {
            throw new Failure(2, "expected --from or --mirror, found both; " + USAGE);
        }
        if (from != null && !Files.isDirectory(from)) {
            throw new Failure(2, "--from " + from + ": expected a folder, found "
                + (Files.exists(from) ? "something else" : "nothing"));
        }
        Path target = to != null ? to : Path.of(System.getProperty("lockstep.data", "data"), set);
        return new Options(set, from, target, List.copyOf(mirrors), timeout);
    }

    private static String value(String[] args, int i) throws Failure {
        if (i == args.length || args[i].isEmpty()) {
            throw new Failure(2, args[i < args.length ? i - 1 : args.length - 1] + ": expected a value, found none; "
                + USAGE);
        }
        return args[i];
    }

    private static Duration seconds(String text) throws Failure {
        if (!text.matches("[1-9][0-9]{0,4}")) {
            throw new Failure(2, "--timeout: expected whole seconds from 1 to 99999, found " + text);
        }
        return Duration.ofSeconds(Long.parseLong(text));
    }

    private static String mirror(String text) throws Failure {
        if (!text.matches("(?i)https?://[^/?#\\s]+(/[^?#\\s]*)?")) {
            throw new Failure(2, "--mirror: expected http://HOST/FOLDER or https://HOST/FOLDER, found " + text);
        }
        try {
            URI.create(text);
        } catch (IllegalArgumentException malformed) {
            throw new Failure(2, "--mirror: expected a URL, found " + text);
        }
        return text.endsWith("/") ? text : text + "/";
    }

    private void run() throws Failure, IOException, InterruptedException {
        if (Files.exists(options.to) && !Files.isDirectory(options.to)) {
            throw new Failure(2, "--to " + options.to + ": expected a folder, found something else");
        }
        Files.createDirectories(options.to);
        List<Item> missing = missing();
        if (missing.isEmpty()) {
            System.out.println(options.to + ": all four files of " + options.set + " are in place, nothing to do");
            return;
        }
        // Two fetches into one folder would write into the same .part files. The lock file stays, since to delete
        // it would let a third fetch in beside one that still holds it.
        Path lock = options.to.resolve(".fetch.lock");
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            if (channel.tryLock() == null) {
                throw new Failure(1, lock + ": expected no other fetch into this folder, found one at work");
            }
            for (Item item : missing()) {
                get(item);
            }
        }
        System.out.println(options.to + ": all four files of " + options.set + " are in place");
    }

    /** The files not yet in place, plain or .gz, with the right contents. */
    private List<Item> missing() throws Failure, IOException {
        List<Item> missing = new ArrayList<>();
        for (Item item : set.items) {
            Path plain = options.to.resolve(item.name);
            Path packed = options.to.resolve(item.gz());
            boolean plainThere = Files.exists(plain);
            if (plainThere) {
                Check check = check(plain, item);
                if (!check.whole()) {
                    // Never put here by this program, so not its to replace; beside the .gz it would mislead readers.
                    throw new Failure(2, plain + ": " + check.detail + "; remove it");
                }
            }
            if (Files.exists(packed) ? !check(packed, item).whole() : !plainThere) {
                missing.add(item);
            }
        }
        return missing;
    }

    private void get(Item item) throws Failure, IOException, InterruptedException {
        Path present = options.to.resolve(item.gz());
        if (Files.exists(present)) {
            System.out.println(present + ": " + check(present, item).detail + "; getting it again");
        }
        if (options.from != null) {
            copy(options.from, item);
            return;
        }
        for (Path folder : options.mirrors.isEmpty() ? set.folders : List.<Path>of()) {
            if (source(folder, item) != null) {
                try {
                    copy(folder, item);
                    return;
                } catch (Failure damaged) {
                    System.out.println(damaged.getMessage() + "; trying the mirrors");
                }
            }
        }
        download(item);
    }

    /** The file in the folder, packed or plain, or null when there is neither. */
    private static Path source(Path folder, Item item) {
        Path packed = folder.resolve(item.gz());
        Path plain = folder.resolve(item.name);
        return Files.isRegularFile(packed) ? packed : Files.isRegularFile(plain) ? plain : null;
    }

    private void copy(Path folder, Item item) throws Failure, IOException {
        Path source = source(folder, item);
        if (source == null) {
            throw new Failure(2, folder + ": expected " + item.gz() + " or " + item.name + ", found neither");
        }
        Check found = check(source, item);
        if (!found.whole()) {
            throw new Failure(2, source + ": " + found.detail);
        }
        // Not the download's .part, which may hold the better part of a long download.
        Path temporary = options.to.resolve(item.gz() + ".copy");
        boolean packed = source.getFileName().toString().endsWith(".gz");
        try (InputStream in = Files.newInputStream(source);
            OutputStream file = Files.newOutputStream(temporary);
            OutputStream out = packed ? file : new GZIPOutputStream(file)) {
            in.transferTo(out);
        }
        Check copied = check(temporary, item, true);
        if (!copied.whole()) {
            throw new Failure(1, temporary + ", copied from " + source + ": " + copied.detail);
        }
        place(temporary, item);
        System.out.println(options.to.resolve(item.gz()) + ": copied from " + source);
    }

    private void download(Item item) throws Failure, IOException, InterruptedException {
        Path part = options.to.resolve(item.gz() + ".part");
        if (Files.exists(part) && check(part, item, true).whole()) {
            place(part, item); // ended between the last byte and the rename
            System.out.println(options.to.resolve(item.gz()) + ": was downloaded already");
            return;
        }
        List<String> failures = new ArrayList<>();
        for (String mirror : options.mirrors.isEmpty() ? set.mirrors : options.mirrors) {
            URI address = URI.create(mirror + item.gz());
            try {
                download(address, part, item);
                place(part, item);
                System.out.println(options.to.resolve(item.gz()) + ": downloaded from " + address);
                return;
            } catch (MirrorFailure failure) {
                failures.add(address + ": " + failure.getMessage());
            }
        }
        throw new Failure(1, item.gz() + ": expected it from a mirror, found none that gives it: "
            + String.join("; ", failures));
    }

    /** Leaves the whole, checked file under the name {@code part}. */
    private void download(URI address, Path part, Item item) throws IOException, InterruptedException {
        boolean inherited = size(part) > 0; // begun earlier or on another mirror, whose packing may differ
        int fruitless = 0;
        String trouble = "";
        for (int attempt = 0; attempt < ATTEMPTS && fruitless < FRUITLESS; attempt++) {
            if (fruitless > 0) {
                Thread.sleep(1000);
            }
            long before = size(part);
            Check check = attempt(address, part, item);
            if (check.whole()) {
                return;
            }
            trouble = check.detail;
            System.out.println(address + ": " + trouble);
            if (check.state == State.CUT_OFF) {
                fruitless = size(part) > before ? 0 : fruitless + 1;
                continue;
            }
            Files.deleteIfExists(part);
            if (!inherited) {
                throw new MirrorFailure(trouble);
            }
            inherited = false;
        }
        throw new MirrorFailure(trouble);
    }

    /** One request, and what the part file is worth after it, however the request ended. */
    private Check attempt(URI address, Path part, Item item) throws IOException, InterruptedException {
        String brokenOff = null;
        try {
            if (!transfer(address, part, item)) {
                return new Check(State.DAMAGED, "expected the rest of the file after " + size(part)
                    + " bytes, found that the server has no more (status 416)");
            }
        } catch (MirrorFailure failure) {
            throw failure;
        } catch (IOException failure) {
            brokenOff = "broken off at byte " + size(part) + ": " + reason(failure);
        }
        if (brokenOff != null && size(part) == 0) {
            return new Check(State.CUT_OFF, brokenOff);
        }
        Check check = check(part, item, true);
        return brokenOff != null && check.state == State.CUT_OFF ? new Check(State.CUT_OFF, brokenOff) : check;
    }

    /**
     * Appends to the part file, or begins it anew where the server sends all of the file; false when the server has
     * nothing beyond what the part file holds.
     */
    private boolean transfer(URI address, Path part, Item item) throws IOException, InterruptedException {
        long have = size(part);
        HttpRequest.Builder request = HttpRequest.newBuilder(address);
        if (have > 0) {
            request.header("Range", "bytes=" + have + "-");
        }
        System.out.println(address + (have > 0 ? ": going on at byte " + have : ""));
        HttpResponse<InputStream> response = send(request.build());
        try (InputStream body = response.body()) {
            switch (response.statusCode()) {
                case 200 -> have = 0;
                case 206 -> {
                    String range = response.headers().firstValue("Content-Range").orElse("none");
                    if (!range.startsWith("bytes " + have + "-")) {
                        throw new MirrorFailure("expected Content-Range: bytes " + have + "-..., found " + range);
                    }
                }
                case 416 -> {
                    return false;
                }
                case 408, 429, 500, 502, 503, 504 ->
                    throw new IOException("expected status 200 or 206, found " + response.statusCode());
                default -> throw new MirrorFailure("expected status 200 or 206, found " + response.statusCode());
            }
            save(body, part, have, item);
        }
        return true;
    }

    /** The response once its headers are there. The request's own timeout would, from JDK 26 on, span the body too. */
    private HttpResponse<InputStream> send(HttpRequest request) throws IOException, InterruptedException {
        var response = client.sendAsync(request, HttpResponse.BodyHandlers.ofInputStream());
        try {
            return response.get(options.timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            response.cancel(true);
            throw new IOException("expected an answer within " + options.timeout.toSeconds() + " seconds, found none");
        } catch (ExecutionException failure) {
            throw failure.getCause() instanceof IOException known ? known : new IOException(failure.getCause());
        }
    }

    /** Writes the body from {@code offset} on, and gives up when nothing arrives for the length of the timeout. */
    private void save(InputStream body, Path part, long offset, Item item) throws IOException {
        AtomicLong lastByte = new AtomicLong(System.nanoTime());
        long patience = options.timeout.toNanos();
        // Closing the body is what wakes a reader that waits for more of it.
        var watch = clock.scheduleWithFixedDelay(() -> {
            if (System.nanoTime() - lastByte.get() > patience) {
                closeQuietly(body);
            }
        }, 250, 250, TimeUnit.MILLISECONDS);
        long position = offset;
        long nextReport = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        try (FileChannel file = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.truncate(offset).position(offset);
            OutputStream out = Channels.newOutputStream(file);
            byte[] block = new byte[BLOCK];
            for (int n = body.read(block); n >= 0; n = body.read(block)) {
                out.write(block, 0, n);
                position += n;
                lastByte.set(System.nanoTime());
                if (position > item.size + BLOCK) {
                    break; // gzip never makes these files longer; the check will say that it is damaged
                }
                if (lastByte.get() > nextReport) {
                    System.out.printf(Locale.ROOT, "%s: %.1f MB so far%n", item.gz(), position / 1e6);
                    nextReport = lastByte.get() + TimeUnit.SECONDS.toNanos(5);
                }
            }
        } catch (IOException failure) {
            throw stalled(lastByte, patience) ? timedOut() : failure;
        } finally {
            watch.cancel(false);
        }
        if (stalled(lastByte, patience)) {
            throw timedOut();
        }
    }

    private static boolean stalled(AtomicLong lastByte, long patience) {
        return System.nanoTime() - lastByte.get() > patience;
    }

    private IOException timedOut() {
        return new IOException("expected more of the file, found nothing arriving for " + options.timeout.toSeconds()
            + " seconds");
    }

    /** To the disk, then to its final name in one go, then the name to the disk. */
    private void place(Path temporary, Item item) throws IOException {
        try (FileChannel file = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
            file.force(true);
        }
        Files.move(temporary, options.to.resolve(item.gz()), StandardCopyOption.ATOMIC_MOVE,
            StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel folder = FileChannel.open(options.to, StandardOpenOption.READ)) {
            folder.force(true);
        } catch (IOException unsupported) {
            // Not every system lets a folder be opened; the file's own bytes are safe already.
        }
    }

    private static Check check(Path file, Item item) throws IOException {
        return check(file, item, file.getFileName().toString().endsWith(".gz"));
    }

    /** Reads the file to its end; never more than the size it should have, whatever it unpacks to. */
    private static Check check(Path file, Item item, boolean packed) throws IOException {
        MessageDigest digest = sha256();
        long size = 0;
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), BLOCK);
            InputStream in = packed ? new GZIPInputStream(raw, BLOCK) : raw) {
            byte[] block = new byte[BLOCK];
            for (int n = in.read(block); n >= 0 && size <= item.size; n = in.read(block)) {
                digest.update(block, 0, n);
                size += n;
            }
        } catch (EOFException cutOff) {
            return new Check(State.CUT_OFF, "expected contents of " + item.size + " bytes and SHA-256 " + item.sha256
                + ", found a gzip file cut off after " + size);
        } catch (ZipException damaged) {
            return new Check(State.DAMAGED, "expected contents of " + item.size + " bytes and SHA-256 " + item.sha256
                + ", found damaged gzip data after " + size + ": " + damaged.getMessage());
        }
        if (size > item.size) {
            return new Check(State.DAMAGED, "expected contents of " + item.size + " bytes and SHA-256 " + item.sha256
                + ", found more bytes");
        }
        String found = HexFormat.of().formatHex(digest.digest());
        return new Check(found.equals(item.sha256) ? State.WHOLE : State.DAMAGED, "expected contents of " + item.size
            + " bytes and SHA-256 " + item.sha256 + ", found " + size + " bytes and SHA-256 " + found);
    }

    private static long size(Path file) throws IOException {
        return Files.exists(file) ? Files.size(file) : 0;
    }

    private static void closeQuietly(InputStream stream) {
        try {
            stream.close();
        } catch (IOException ignored) {
            // Only meant to wake the reader, which reports the timeout itself.
        }
    }

    /** One line: the exception and what caused it, since a cut connection alone says no more than "closed". */
    private static String reason(Throwable failure) {
        String name = failure.getClass() == IOException.class ? "" : failure.getClass().getSimpleName();
        String message = failure.getMessage() == null ? "" : failure.getMessage().strip().replaceAll("\\s+", " ");
        String line = name + (name.isEmpty() || message.isEmpty() ? "" : ": ") + message;
        Throwable cause = failure.getCause();
        return cause == null || line.contains(cause.getClass().getSimpleName()) ? line
            : line + " (" + reason(cause) + ")";
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "fetch-clock");
        thread.setDaemon(true);
        return thread;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java platform has SHA-256", impossible);
        }
    }
}
