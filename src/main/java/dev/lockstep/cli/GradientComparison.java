package dev.lockstep.cli;

import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import java.util.Locale;

/**
 * How far two gradients of one tensor are apart: a row of {@code gradcheck}'s table.
 *
 * @param place of the largest difference, as in [3, 7]
 * @param allowed what {@code deciding} must not pass
 * @param deciding the largest difference, or the mean
 */
record GradientComparison(
        ParameterTensor tensor,
        int elements,
        double largestGradient,
        double largest,
        String place,
        double mean,
        double allowed,
        double deciding) {

    static GradientComparison of(
            ParameterTensor tensor,
            NetworkShape shape,
            Parameters backprop,
            Parameters numerical,
            double tolerance,
            boolean meanCounts) {
        int elements = backprop.length(tensor);
        double largestGradient = 0;
        double largest = 0;
        double sum = 0;
        int at = 0;
        for (int i = 0; i < elements; i++) {
            double difference = Math.abs(backprop.get(tensor, i) - numerical.get(tensor, i));
            largestGradient = Math.max(largestGradient, Math.abs(numerical.get(tensor, i)));
            if (!(difference <= largest)) { // also where it is no number
                largest = difference;
                at = i;
            }
            sum += difference;
        }
        int[] dimensions = tensor.dimensions(shape);
        String place =
                dimensions.length == 1 ? "[" + at + "]" : "[" + at / dimensions[1] + ", " + at % dimensions[1] + "]";
        double mean = sum / elements;
        return new GradientComparison(
                tensor,
                elements,
                largestGradient,
                largest,
                place,
                mean,
                tolerance * largestGradient,
                meanCounts ? mean : largest);
    }

    boolean agrees() {
        return deciding <= allowed;
    }

    static String heading() {
        return String.format(
                "%-6s %10s %13s %13s  %-11s %13s %13s  %s",
                "tensor", "elements", "largest |g|", "largest diff", "at", "mean diff", "allowed", "verdict");
    }

    String line() {
        return String.format(
                Locale.ROOT,
                "%-6s %10d %13.3e %13.3e  %-11s %13.3e %13.3e  %s",
                tensor.label(),
                elements,
                largestGradient,
                largest,
                place,
                mean,
                allowed,
                agrees() ? "agrees" : "DISAGREES");
    }
}
