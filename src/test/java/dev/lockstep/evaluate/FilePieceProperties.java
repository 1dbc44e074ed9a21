package dev.lockstep.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.data.LabelledImages;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class FilePieceProperties {
    @Property(seed = "27")
    void everyExampleIsInOnePieceInOrderAndGzipStaysWhole(
            @ForAll @Size(min = 1, max = 9) List<@IntRange(min = 1, max = 40) Integer> counts,
            @ForAll @IntRange(max = 511) int gzip,
            @ForAll @IntRange(min = 1, max = 60) int tasks) {
        List<LabelledImages> files = new ArrayList<>();
        for (int i = 0; i < counts.size(); i++) {
            files.add(new LabelledImages("f" + i, (gzip >> i & 1) != 0, null, false, counts.get(i), 1, 1));
        }
        List<List<FilePiece>> split = FilePiece.split(files, tasks);
        assertThat(split)
                .hasSizeLessThanOrEqualTo(tasks)
                .allSatisfy(own -> assertThat(own).isNotEmpty());
        int file = 0;
        int next = 0;
        for (List<FilePiece> own : split) {
            for (FilePiece piece : own) {
                if (next == counts.get(file)) {
                    file++;
                    next = 0;
                }
                assertThat(piece.file()).isEqualTo(file);
                assertThat(piece.range().first()).isEqualTo(next);
                assertThat(piece.range().count()).isPositive();
                next = piece.range().end();
                assertThat(!files.get(file).imagesGzip() || piece.range().count() == counts.get(file))
                        .isTrue();
            }
        }
        assertThat(file).isEqualTo(counts.size() - 1);
        assertThat(next).isEqualTo(counts.get(file));
        if (gzip == 0) {
            int examples = counts.stream().mapToInt(Integer::intValue).sum();
            assertThat(split)
                    .allSatisfy(own -> assertThat(own.stream()
                                    .mapToInt(piece -> piece.range().count())
                                    .sum())
                            .isBetween(examples / tasks, examples / tasks + 1));
        }
    }
}
