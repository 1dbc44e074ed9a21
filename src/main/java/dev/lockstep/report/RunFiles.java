package dev.lockstep.report;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.BadInputException;
import dev.lockstep.data.LabelledImages;
import dev.lockstep.data.Shard;
import dev.lockstep.files.Place;
import dev.lockstep.model.ModelFile;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What a run left, as far as it can be read. Owns the model's weights.
 *
 * @param uri of its directory
 * @param summary {@code summary.json}
 * @param digits the test images that the model gets most wrong, if model and data are there
 * @param missing for people, what is not there and why
 */
record RunFiles(
        String uri,
        JsonNode summary,
        Curves curves,
        Optional<ModelFile.Model> model,
        Optional<HardDigits> digits,
        List<String> missing)
        implements AutoCloseable {
    private static final long MAX_SUMMARY_BYTES = 16 << 20;

    /**
     * Reads all of a run.
     *
     * @param data where its test files are; null for where they were
     * @throws BadInputException if there is no {@code summary.json}, or nothing that can be read
     * @throws IOException if the filesystem fails
     */
    static RunFiles read(Configuration conf, String uri, String data) throws IOException {
        RunFiles files = readFigures(conf, uri);
        List<String> missing = new ArrayList<>(files.missing);
        ModelFile.Model model = null;
        HardDigits digits = null;
        try {
            model = ModelFile.read(conf, new Path(uri, "model.safetensors").toString());
            digits = digits(conf, model, files.summary, data == null ? files.dataUri() : data);
        } catch (BadInputException | IOException | UncheckedIOException e) {
            missing.add((model == null ? "The hidden units and the digits: " : "The digits it got most wrong: ")
                    + BadInputException.reason(e));
        }
        return new RunFiles(
                uri, files.summary, files.curves, Optional.ofNullable(model), Optional.ofNullable(digits), missing);
    }

    /** Reads what a comparison wants: summary and metrics. */
    static RunFiles readFigures(Configuration conf, String uri) throws IOException {
        Place place = Place.of(conf, uri, uri + ": expected the directory of a run");
        FileSystem fs = place.fs();
        Path directory = place.path();
        JsonNode summary = readSummary(fs, new Path(directory, "summary.json"));
        List<String> missing = new ArrayList<>();
        Curves curves = new Curves(List.of(), List.of(), 0);
        try (InputStream in = fs.open(new Path(directory, "metrics.jsonl"))) {
            curves = Curves.read(in);
            if (curves.damagedLines() > 0) {
                missing.add("The curves: " + curves.damagedLines() + " lines of metrics.jsonl hold nothing of use");
            }
        } catch (IOException e) {
            missing.add("The curves: " + BadInputException.reason(e));
        }
        return new RunFiles(uri, summary, curves, Optional.empty(), Optional.empty(), missing);
    }

    private static JsonNode readSummary(FileSystem fs, Path file) throws IOException {
        try {
            long bytes = fs.getFileStatus(file).getLen();
            if (bytes > MAX_SUMMARY_BYTES) {
                throw new BadInputException(
                        file + ": expected at most " + MAX_SUMMARY_BYTES + " bytes, found " + bytes);
            }
            try (InputStream in = fs.open(file)) {
                JsonNode summary = new ObjectMapper().readTree(in);
                if (!summary.isObject()) {
                    throw new BadInputException(file + ": expected a JSON object, found " + summary.getNodeType());
                }
                return summary;
            }
        } catch (FileNotFoundException e) {
            throw new BadInputException(file + ": expected the summary of a run that has ended, found nothing", e);
        } catch (JacksonException e) {
            throw new BadInputException(file + ": expected JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static HardDigits digits(Configuration conf, ModelFile.Model model, JsonNode summary, String data) {
        LabelledImages images = LabelledImages.open(conf, data, LabelledImages.TEST);
        int inputs = model.weights().shape().inputs();
        if (images.pixels() != inputs) {
            throw new BadInputException(
                    images.imagesUri() + ": expected images of " + inputs + " pixels, found " + images.pixels());
        }
        HardDigits found = HardDigits.find(conf, model, images);
        String expected = summary.path("test_fingerprint").asText("");
        String fingerprint = Shard.fingerprintText(found.fingerprint());
        if (found.examined() == images.examples() && !expected.isEmpty() && !expected.equals(fingerprint)) {
            throw new BadInputException(data + ": expected the run's test files, fingerprint " + expected
                    + ", found others, " + fingerprint);
        }
        return found;
    }

    /** Where the run's data were. */
    String dataUri() {
        return summary.path("config").path("data").asText("");
    }

    @Override
    public void close() {
        model.ifPresent(ModelFile.Model::close);
    }
}
