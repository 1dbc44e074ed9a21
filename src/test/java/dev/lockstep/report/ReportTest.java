package dev.lockstep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.BadInputException;
import dev.lockstep.memory.LeakCheck;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;
import org.apache.hadoop.conf.Configuration;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.parser.Parser;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What the page of a run says, read by a parser that knows nothing of us. */
@ExtendWith(LeakCheck.class)
class ReportTest {
    @TempDir
    Path directory;

    private MadeRun run;

    @BeforeEach
    void makeRun() throws IOException {
        run = new MadeRun(directory.resolve("run"));
        run.loss(100, 2.25).loss(200, 1.5).evaluation(150, 1.0).evaluation(250, 0.5);
        run.model(Map.of("config.seed", "7", "data", "here", "lockstep-revision", "abc123"));
    }

    /** Parses a page, and refuses one that a strict parser would have to mend. */
    static Document parse(String html) {
        Parser parser = Parser.htmlParser().setTrackErrors(20);
        Document page = Jsoup.parse(html, "", parser);
        assertThat(parser.getErrors()).isEmpty();
        return page;
    }

    private static double tile(Document page, String name) {
        Element term = page.select(".tiles dt").stream()
                .filter(dt -> dt.text().equals(name))
                .findFirst()
                .orElseThrow();
        return Double.parseDouble(term.nextElementSibling().selectFirst("data").attr("value"));
    }

    private static Element table(Document page, String captionPart) {
        return page.select("table").stream()
                .filter(table -> table.selectFirst("caption").text().contains(captionPart))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyFigureIsTheSummarys() throws IOException {
        Document page = parse(run.report());
        JsonNode summary = run.summary;
        assertThat(tile(page, "test accuracy"))
                .isEqualTo(summary.path("test_accuracy").doubleValue());
        assertThat(tile(page, "train accuracy"))
                .isEqualTo(summary.path("train_accuracy").doubleValue());
        assertThat(tile(page, "test loss")).isEqualTo(summary.path("test_loss").doubleValue());
        assertThat(tile(page, "steps")).isEqualTo(12_345);
        assertThat(page.select(".tiles dd").eachText()).contains("12,345", "0.9123", "0.134 ms", "98.8 s");
        Element matrix = table(page, "Confusion matrix");
        for (int label = 0; label < MadeRun.CLASSES; label++) {
            for (int k = 0; k < MadeRun.CLASSES; k++) {
                Element cell = matrix.select("tbody tr").get(label).select("td").get(k);
                assertThat(cell.selectFirst("data").attr("value"))
                        .isEqualTo(summary.path("test_confusion")
                                .path(label)
                                .path(k)
                                .asText());
            }
        }
        assertThat(table(page, "Time of a step").select("data").eachAttr("value"))
                .contains("0.25", "0.1337", "1.75", Double.toString(2.5 * (1e3 / 12_345)));
        assertThat(table(page, "Workers").text()).contains("host, task 1", "100", "5.000", "1.250");
        assertThat(table(page, "Configuration").text()).contains("seed 7");
        assertThat(table(page, "Where the model comes from").text()).contains("lockstep-revision abc123");
        assertThat(table(page, "What else").text()).contains("weights_sha256 " + "ab".repeat(32));
    }

    @Test
    void chartsHoldWhatTheirTablesShow() throws IOException {
        Document page = parse(run.report());
        JsonNode charts =
                new ObjectMapper().readTree(page.selectFirst("#charts").data());
        assertThat(charts).extracting(chart -> chart.path("id").asText()).containsExactly("loss", "accuracy", "times");
        for (JsonNode chart : charts) {
            Element figure = page.getElementById(chart.path("id").asText());
            assertThat(figure.selectFirst("[role=img]").attr("aria-label")).isNotBlank();
            List<Element> rows = figure.select("tbody tr");
            assertThat(rows).hasSize(chart.path("x").size());
            for (int i = 0; i < rows.size(); i++) {
                for (int s = 0; s < chart.path("series").size(); s++) {
                    JsonNode value = chart.path("series").path(s).path("values").path(i);
                    Element cell = rows.get(i).select("td").get(s).selectFirst("data");
                    assertThat(cell == null ? Double.NaN : Double.parseDouble(cell.attr("value")))
                            .isEqualTo(Double.valueOf(value.isNull() ? Double.NaN : value.doubleValue()));
                }
            }
        }
        assertThat(charts.path(0).path("x")).hasToString("[100.0,150.0,200.0,250.0]");
        assertThat(page.getElementById("loss").select(".legend button").eachText())
                .containsExactly("mini-batch", "train", "test");
    }

    @Test
    void overFittingIsNamedWhenTheTestLossRisesAndOnlyThen() throws IOException {
        assertThat(parse(run.report()).text())
                .contains("no sign of over-fitting")
                .doesNotContain(": over-fitting");
        run.evaluation(350, 0.75);
        assertThat(parse(run.report()).text())
                .contains("lowest at step 250 (0.5000) and has risen to 0.7500 since: over-fitting");
    }

    @Test
    void picturesAreTheDigitsAndTheUnits() throws IOException {
        Document page = parse(run.report());
        assertThat(page.select("#units img")).hasSize(6);
        List<Element> digits = page.select("#digits img");
        assertThat(digits).isNotEmpty();
        for (Element image : page.select("img")) {
            assertThat(image.attr("alt"))
                    .matches("(Test image \\d+, a \\d, taken for a \\d|Weights of hidden unit .*)");
            byte[] png = Base64.getDecoder().decode(image.attr("src").substring("data:image/png;base64,".length()));
            var picture = ImageIO.read(new ByteArrayInputStream(png));
            assertThat(picture.getWidth() + " x " + picture.getHeight()).isEqualTo("4 x 5");
        }
        // The worst first: the probability of the true class rises.
        List<Double> ofLabel = page.select("#digits .bars li.right data").eachAttr("value").stream()
                .map(Double::valueOf)
                .toList();
        assertThat(ofLabel).hasSameSizeAs(digits).isSorted();
    }

    @Test
    void whatIsAwayIsSaidAndTheRestIsThere() throws IOException {
        run.summary.withObject("config").put("data", directory.resolve("gone").toString());
        Document page = parse(run.report());
        assertThat(page.select("#overview .note").text()).contains("The digits it got most wrong", "gone");
        assertThat(page.select("#units img")).hasSize(6);
        Files.delete(run.directory.resolve("model.safetensors"));
        page = parse(run.report());
        assertThat(page.select("#overview .note").text()).contains("model.safetensors", "found nothing");
        assertThat(page.select("#units .note, #digits .note")).hasSize(2);
        assertThat(page.select(".matrix")).hasSize(1);
    }

    @Test
    void otherDataThanTheRunsAreNotShown() throws IOException {
        run.summary.put("test_fingerprint", "0123456789abcdef");
        Document page = parse(run.report());
        assertThat(page.select("#overview .note").text()).contains("fingerprint 0123456789abcdef");
        assertThat(page.select("#digits img")).isEmpty();
    }

    @Test
    void aSummaryOfAnEarlierVersionStillHasAPage() throws IOException {
        run.summary.removeAll().put("test_accuracy", 0.5);
        Document page = parse(run.report());
        assertThat(page.select(".tiles dd").eachText()).containsExactly("0.5000");
    }

    @Test
    void noRunIsBadInput() throws IOException {
        assertThatThrownBy(() -> Report.write(new Configuration(), directory.toString(), null))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("summary.json: expected the summary of a run");
        run.write();
        Files.writeString(run.directory.resolve("summary.json"), "{\"a\": ");
        assertThatThrownBy(() -> Report.write(new Configuration(), run.directory.toString(), null))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("expected JSON");
    }

    @Test
    void longMetricsAreThinnedAndKeepTheirEndsAndTheirMean() throws IOException {
        StringBuilder lines = new StringBuilder("what a killed process left {\n");
        int count = 100_001;
        for (int step = 1; step <= count; step++) {
            lines.append("{\"step\":")
                    .append(step)
                    .append(",\"loss\":")
                    .append(step % 2)
                    .append("}\n");
        }
        Curves curves = Curves.read(new ByteArrayInputStream(lines.toString().getBytes(StandardCharsets.UTF_8)));
        assertThat(curves.damagedLines()).isEqualTo(1);
        assertThat(curves.batches()).hasSizeBetween(Curves.MAX_POINTS / 2, Curves.MAX_POINTS);
        assertThat(curves.batches().get(curves.batches().size() - 1).step()).isEqualTo(count);
        assertThat(curves.batches().subList(0, curves.batches().size() - 1))
                .allSatisfy(point -> assertThat(point.loss()).isEqualTo(0.5));
        assertThat(curves.batches().stream().mapToLong(Curves.Batch::count).sum())
                .isEqualTo(count);
    }

    @Test
    void theEvaluationWithTheLowestLossIsKept() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int step = 1; step <= 5_000; step++) {
            lines.append(String.format(Locale.ROOT, "{\"step\":%d,\"test_loss\":%d}%n", step, step == 1_235 ? 1 : 2));
        }
        Curves curves = Curves.read(new ByteArrayInputStream(lines.toString().getBytes(StandardCharsets.UTF_8)));
        assertThat(curves.evaluations()).hasSizeBetween(Curves.MAX_POINTS / 2, Curves.MAX_POINTS + 1);
        assertThat(curves.evaluations()).isSortedAccordingTo(Comparator.comparingLong(Curves.Evaluated::step));
        assertThat(curves.evaluations().stream().filter(each -> each.testLoss() == 1))
                .extracting(Curves.Evaluated::step)
                .containsExactly(1_235L);
    }

    @Test
    void runsSideBySideMarkWhatDiffers() throws IOException {
        run.write();
        MadeRun other =
                new MadeRun(directory.resolve("other")).evaluation(150, 2.0).evaluation(300, 1.5);
        other.summary.withObject("config").put("seed", 8).put("data", run.data.toString());
        other.write();
        Path file = directory.resolve("both.html");
        Report.compare(
                new Configuration(), List.of(run.directory.toString(), other.directory.toString()), file.toString());
        Document page = parse(Files.readString(file));
        Element settings = table(page, "Configurations");
        assertThat(settings.select("mark").eachText()).containsExactly("7", "8");
        assertThat(table(page, "Figures").select("data[value=0.912345678]").eachText())
                .containsExactly("0.9123", "0.9123");
        JsonNode charts =
                new ObjectMapper().readTree(page.selectFirst("#charts").data());
        assertThat(charts.path(1).path("series"))
                .extracting(series -> series.path("name").asText() + series.path("values"))
                .containsExactly("1: run[1.0,0.5,null]", "2: other[2.0,null,1.5]");
    }
}
