package dev.lockstep.cli;

import dev.lockstep.BadInputException;
import dev.lockstep.files.Place;
import dev.lockstep.tune.Dimension;
import dev.lockstep.tune.Space;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The file that says what {@code tune} searches, held against the options of {@code train}. */
final class SpaceFile {
    /** Travels in the jar, as presets do. */
    private static final String DEFAULT = "conf/spaces/default.properties";

    private static final int MAX_BYTES = 1 << 20;

    private static final Set<String> TUNABLE = Set.of(
            "hidden",
            "activation",
            "loss",
            "init",
            "init-std",
            "batch-size",
            "sampling",
            "learning-rate",
            "optimizer",
            "momentum",
            "weight-decay",
            "schedule",
            "warmup-steps",
            "decay-every",
            "decay-factor",
            "patience");

    private static final String SAME_EXAMPLES =
            "it decides which examples there are to train with and to compare trials by";
    private static final String LENGTH =
            "how long a trial trains is what the rungs decide, out of what the command line says";
    private static final Map<String, String> FIXED = Map.of(
            "data", SAME_EXAMPLES,
            "seed", SAME_EXAMPLES,
            "classes", SAME_EXAMPLES,
            "validation-fraction", SAME_EXAMPLES,
            "shards", "the data lie in memory once for all trials, and are cut in one way",
            "iterations", LENGTH,
            "epochs", LENGTH,
            "stop-after", LENGTH);

    private final CommandSpec train;
    private final Predicate<String> isFixed;

    /**
     * @param train the command whose options are searched
     * @param isFixed whether an option is given for all trials
     */
    SpaceFile(CommandSpec train, Predicate<String> isFixed) {
        this.train = train;
        this.isFixed = isFixed;
    }

    /**
     * Reads a space.
     *
     * @param uri of the file; null for the default
     * @param tryOut is given the option for each bound and choice, and throws {@link BadInputException} if it is of no use
     * @throws BadInputException if there is no such file, or something in it is of no use
     */
    Space read(Configuration hadoop, String uri, Consumer<String> tryOut) throws IOException {
        String name = uri == null ? DEFAULT : uri;
        Space space = Space.parse(name, uri == null ? defaultText() : text(hadoop, uri), this::isWhole);
        for (Dimension dimension : space.dimensions()) {
            for (String value : dimension.extremes()) {
                try {
                    tryOut.accept("--" + dimension.key() + "=" + value);
                } catch (BadInputException e) {
                    throw new BadInputException(name + ": " + dimension.key() + ": " + e.getMessage(), e);
                }
            }
        }
        return space;
    }

    private static String defaultText() throws IOException {
        try (InputStream in = SpaceFile.class.getResourceAsStream("/spaces/default.properties")) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks " + DEFAULT);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String text(Configuration hadoop, String uri) throws IOException {
        Place place = Place.of(hadoop, uri, "--space " + uri);
        try {
            FileStatus status = place.fs().getFileStatus(place.path());
            if (status.isDirectory() || status.getLen() > MAX_BYTES) {
                throw new BadInputException("--space " + uri + ": expected a file of at most " + MAX_BYTES
                        + " bytes, found " + (status.isDirectory() ? "a directory" : status.getLen()));
            }
            try (InputStream in = place.fs().open(place.path())) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
        } catch (FileNotFoundException e) {
            throw new BadInputException("--space " + uri + ": expected a file, found nothing", e);
        }
    }

    private boolean isWhole(String key) {
        OptionSpec option = train.findOption("--" + key);
        if (option == null) {
            throw new BadInputException(
                    "expected an option of train without its dashes, such as learning-rate, found no such" + " option");
        }
        if (!TUNABLE.contains(key)) {
            throw new BadInputException("expected a setting of the network or of its training, found one that cannot be"
                    + " searched: " + FIXED.getOrDefault(key, "it changes nothing of what is learned, or all of it"));
        }
        if (isFixed.test("--" + key)) {
            throw new BadInputException("expected on the command line or in the space, found in both");
        }
        Class<?> type = option.type();
        return type == int.class || type == long.class;
    }
}
