package dev.lockstep.page;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FiguresTest {
    @Test
    void aSmallLossIsNoZero() {
        assertThat(Figures.rounded(2.302585)).isEqualTo("2.3026");
        assertThat(Figures.rounded(0.00123)).isEqualTo("0.0012");
        assertThat(Figures.rounded(0.000456)).isEqualTo("0.000456");
        assertThat(Figures.rounded(0.0000123)).isEqualTo("1.23e-05");
        assertThat(Figures.rounded(-0.00001)).isEqualTo("-1.00e-05");
        assertThat(Figures.rounded(0)).isEqualTo("0.0000");
        assertThat(Figures.rounded(Double.NaN)).isEqualTo("NaN");
    }
}
