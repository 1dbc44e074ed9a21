package dev.lockstep.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class ScoreTest {
    @Test
    void aScoreOfPartsIsTheScoreOfAll() {
        Random random = new Random(6);
        Score all = new Score(4);
        Score sum = new Score(4);
        int correct = 0;
        for (int part = 0; part < 10; part++) {
            Score score = new Score(4);
            for (int i = 0; i < 25; i++) {
                int label = random.nextInt(4);
                int prediction = random.nextInt(4);
                double loss = random.nextInt(1000) / 64.0; // so that sums are exact in every order
                correct += label == prediction ? 1 : 0;
                score.add(label, prediction, loss);
                all.add(label, prediction, loss);
            }
            sum.add(score);
        }
        for (int label = 0; label < 4; label++) {
            for (int prediction = 0; prediction < 4; prediction++) {
                assertThat(sum.count(label, prediction)).isEqualTo(all.count(label, prediction));
            }
        }
        assertThat(sum.examples()).isEqualTo(250);
        assertThat(sum.correct()).isEqualTo(correct);
        assertThat(sum.accuracy()).isEqualTo(correct / 250.0);
        assertThat(sum.lossSum()).isEqualTo(all.lossSum());
        assertThat(sum.meanLoss()).isEqualTo(all.lossSum() / 250);
    }

    @Test
    void theConfusionMatrixIsByLabelThenPrediction() {
        Score score = new Score(3);
        score.add(2, 0, 1.5);
        assertThat(score.count(2, 0)).isEqualTo(1);
        assertThat(score.count(0, 2)).isZero();
    }

    @Test
    void noExamplesHaveNoAccuracy() {
        assertThat(new Score(3).accuracy()).isNaN();
        assertThat(new Score(3).meanLoss()).isNaN();
    }

    @Test
    void scoresOfOtherClassesAreRefused() {
        assertThatThrownBy(() -> new Score(3).add(new Score(4)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4")
                .hasMessageContaining("3");
    }
}
