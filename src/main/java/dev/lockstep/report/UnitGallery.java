package dev.lockstep.report;

import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.page.Html;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** What each hidden unit looks at: its weights as an image, and the classes it speaks for and against. */
final class UnitGallery {
    static final int MAX_UNITS = 100;

    private final NetworkShape shape;
    private final float[] w1;
    private final float[] w2;
    private final int rows;
    private final int columns;

    /**
     * @param rows of an image
     * @param columns of an image; rows x columns are the network's inputs
     */
    UnitGallery(Parameters weights, int rows, int columns) {
        this.shape = weights.shape();
        this.w1 = weights.values(ParameterTensor.W1);
        this.w2 = weights.values(ParameterTensor.W2);
        this.rows = rows;
        this.columns = columns;
    }

    void write(Html html) {
        List<Integer> units = IntStream.range(0, shape.hidden())
                .boxed()
                .sorted(Comparator.comparingDouble(unit -> -influence(unit)))
                .limit(MAX_UNITS)
                .toList();
        html.open("p")
                .text(units.size() < shape.hidden() ? "Of " : "The weights of the ")
                .number((long) shape.hidden());
        html.text(" hidden units");
        if (units.size() < shape.hidden()) {
            html.text(", the weights of the ").number((long) units.size()).text(" with the most influence");
        }
        html.text(
                " as images, those with the most influence on the result first. Ink at an orange pixel excites a unit, at a"
                        + " blue one it inhibits it. Below each, the class it speaks for most, and against most.");
        html.closeLine();
        html.open("ul", "class", "gallery units");
        for (int unit : units) {
            writeUnit(html, unit);
        }
        html.closeLine();
    }

    private void writeUnit(Html html, int unit) {
        float[] weights = new float[shape.inputs()];
        float largest = 0;
        for (int i = 0; i < weights.length; i++) {
            weights[i] = w1[i * shape.hidden() + unit];
            largest = Math.max(largest, Math.abs(weights[i]));
        }
        int most = 0;
        int least = 0;
        for (int k = 1; k < shape.outputs(); k++) {
            most = vote(unit, k) > vote(unit, most) ? k : most;
            least = vote(unit, k) < vote(unit, least) ? k : least;
        }
        html.open("li").open("figure");
        html.open(
                "img",
                "src",
                Pictures.weights(weights, rows, columns, largest),
                "class",
                "weights",
                "alt",
                String.format(Locale.ROOT, "Weights of hidden unit %d, from %.2f to %.2f", unit, -largest, largest));
        html.open("figcaption").element("strong", "unit " + unit);
        html.open("span", "class", "for")
                .text("for " + most + " ")
                .number((double) vote(unit, most), "%+.1f")
                .close();
        html.open("span", "class", "against").text("against " + least + " ");
        html.number((double) vote(unit, least), "%+.1f").close();
        html.close().close().closeLine();
    }

    private float vote(int unit, int k) {
        return w2[unit * shape.outputs() + k];
    }

    private double influence(int unit) {
        double sum = 0;
        for (int k = 0; k < shape.outputs(); k++) {
            sum += (double) vote(unit, k) * vote(unit, k);
        }
        return sum;
    }
}
