package dev.lockstep.report;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Small pictures as data URIs. */
final class Pictures {
    /** Orange and blue are told apart by all but very few eyes. */
    private static final int POSITIVE = 0xe07b00;

    private static final int NEGATIVE = 0x1f6fd6;
    private static final int MAX_BYTE = 255;

    private Pictures() {}

    /**
     * An image as the network sees it.
     *
     * @param pixels [rows, columns], 0 black to 255 white
     */
    static String image(byte[] pixels, int rows, int columns) {
        BufferedImage image = new BufferedImage(columns, rows, BufferedImage.TYPE_BYTE_GRAY);
        image.getRaster().setDataElements(0, 0, columns, rows, pixels);
        return png(image);
    }

    /**
     * Weights: orange where positive, blue where negative, the more opaque the larger, so that it stands on any ground.
     *
     * @param weights [rows, columns]
     * @param largest the absolute weight that is wholly opaque
     */
    static String weights(float[] weights, int rows, int columns, float largest) {
        BufferedImage image = new BufferedImage(columns, rows, BufferedImage.TYPE_INT_ARGB);
        for (int i = 0; i < weights.length; i++) {
            int opacity = largest == 0 ? 0 : Math.round(Math.min(1, Math.abs(weights[i]) / largest) * MAX_BYTE);
            image.setRGB(i % columns, i / columns, opacity << 24 | (weights[i] > 0 ? POSITIVE : NEGATIVE));
        }
        return png(image);
    }

    private static String png(BufferedImage image) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) { // else it would use a file
            ImageIO.write(image, "png", stream);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // nothing but memory is written to
        }
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(out.toByteArray());
    }
}
