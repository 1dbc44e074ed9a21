package dev.lockstep.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lockstep.data.IdxWriter;
import dev.lockstep.data.IdxWriter.Storage;
import dev.lockstep.data.LabelledImages;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RepeatedImagesTest {
    private static final IdxWriter SET = IdxWriter.random(3, 7, 2, 3, 4, 0.5);

    @TempDir
    Path from;

    @TempDir
    Path to;

    @ParameterizedTest
    @EnumSource(Storage.class)
    void imagesComeOverAndOver(Storage storage) throws IOException {
        SET.write(from, LabelledImages.TEST, storage);
        RepeatedImages.write(from, to, 20);
        byte[] images = Files.readAllBytes(to.resolve(IdxWriter.imagesName(LabelledImages.TEST)));
        byte[] labels = Files.readAllBytes(to.resolve(IdxWriter.labelsName(LabelledImages.TEST)));
        byte[] pixels = new byte[3 * SET.pixels().length];
        byte[] classes = new byte[3 * 7];
        for (int i = 0; i < 3; i++) {
            System.arraycopy(SET.pixels(), 0, pixels, i * SET.pixels().length, SET.pixels().length);
            System.arraycopy(SET.labels(), 0, classes, i * 7, 7);
        }
        IdxWriter expected = new IdxWriter(21, 2, 3, pixels, classes);
        assertThat(Arrays.compare(images, expected.imagesContent())).isZero();
        assertThat(labels).isEqualTo(expected.labelsContent());
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> RepeatedImages.write(from, to, 20))
                .isInstanceOf(FileNotFoundException.class)
                .hasMessageContaining("t10k-labels-idx1-ubyte")
                .hasMessageContaining(from.toString());
    }
}
