package dev.lockstep.report;

import dev.lockstep.page.Html;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** The test images that the model got most wrong, each with the classes it believed in. */
final class DigitGallery {
    private static final int SHOWN_CLASSES = 3;

    private DigitGallery() {}

    static void write(HardDigits hard, Html html) {
        String among = hard.examined() == HardDigits.MAX_EXAMINED ? "first " : "";
        html.open("p").text("Among the " + among).number(hard.examined());
        html.text(" test images, those to whose true class the network gives the least probability.")
                .closeLine();
        html.open("ul", "class", "gallery");
        for (HardDigits.Digit digit : hard.digits()) {
            html.open("li").open("figure");
            html.open(
                    "img",
                    "src",
                    Pictures.image(digit.pixels(), hard.rows(), hard.columns()),
                    "alt",
                    String.format(
                            Locale.ROOT,
                            "Test image %d, a %d, taken for a %d",
                            digit.number(),
                            digit.label(),
                            digit.prediction()),
                    "class",
                    "digit");
            html.open("figcaption");
            html.element("strong", digit.label() + " taken for " + digit.prediction());
            html.open("ol", "class", "bars");
            for (int k : mostProbable(digit)) {
                writeBar(html, digit, k);
            }
            html.close().element("span", "image " + digit.number(), "class", "faint");
            html.close().close().closeLine();
        }
        html.closeLine();
    }

    private static void writeBar(Html html, HardDigits.Digit digit, int k) {
        float probability = digit.probabilities()[k];
        html.open(
                "li",
                "class",
                k == digit.label() ? "right" : "wrong",
                "style",
                String.format(Locale.ROOT, "--share:%.4f", probability));
        html.element("span", Integer.toString(k), "class", "class");
        html.number((double) probability, probability < 0.0005 ? "%.1e" : "%.3f")
                .close();
    }

    /** The classes with the largest probabilities, and the true one in any case. */
    private static List<Integer> mostProbable(HardDigits.Digit digit) {
        List<Integer> classes = IntStream.range(0, digit.probabilities().length)
                .boxed()
                .sorted(Comparator.comparingDouble(k -> -digit.probabilities()[k]))
                .toList();
        List<Integer> shown = classes.subList(0, Math.min(SHOWN_CLASSES, classes.size()));
        if (shown.contains(digit.label())) {
            return shown;
        }
        return IntStream.concat(shown.stream().limit(SHOWN_CLASSES - 1).mapToInt(k -> k), IntStream.of(digit.label()))
                .boxed()
                .toList();
    }
}
