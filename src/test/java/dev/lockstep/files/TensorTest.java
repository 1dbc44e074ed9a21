package dev.lockstep.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TensorTest {
    @Test
    void valuesMustFillTheShape() {
        assertThatThrownBy(() -> new Tensor("W1", new int[] {2, 3}, new float[5]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tensor \"W1\": shape [2, 3] needs 6 values, found 5");
        assertThatThrownBy(() -> new Tensor("W1", new int[] {-1, -6}, new float[6]))
                .hasMessageContaining("no possible number of values");
        assertThatThrownBy(() -> new Tensor("W1", new int[] {1 << 16, 1 << 16}, new float[0]))
                .hasMessageContaining("no possible number of values");
        assertThat(new Tensor("s", new int[0], new float[1]).rank()).isZero();
        assertThat(new Tensor("e", new int[] {0, 7}, new float[0]).dimension(1)).isEqualTo(7);
    }

    @Test
    void namesMustBeStorable() {
        assertThatThrownBy(() -> new Tensor("", new int[0], new float[1]))
                .hasMessage("tensor name \"\" cannot be stored");
        assertThatThrownBy(() -> new Tensor("a\ud800", new int[0], new float[1]))
                .hasMessage("tensor name \"a\\ud800\" cannot be stored");
    }

    @Test
    void equalByBits() {
        Tensor tensor = GoldenFiles.special();
        assertThat(tensor).isEqualTo(GoldenFiles.special()).hasSameHashCodeAs(GoldenFiles.special());
        float[] values = tensor.values().clone();
        values[1] = 0f; // was -0
        assertThat(new Tensor("special", tensor.shape(), values)).isNotEqualTo(tensor);
        assertThat(new Tensor("special", new int[] {2, 5}, tensor.values())).isNotEqualTo(tensor);
        assertThat(new Tensor("other", tensor.shape(), tensor.values())).isNotEqualTo(tensor);
    }

    @Test
    void shapeIsCopiedInAndOut() {
        int[] shape = {2, 3};
        Tensor tensor = new Tensor("W1", shape, new float[6]);
        shape[0] = 7;
        tensor.shape()[1] = 7;
        assertThat(tensor.shape()).containsExactly(2, 3);
        assertThatThrownBy(() -> tensor.dimension(2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(tensor).hasToString("Tensor[\"W1\", shape=[2, 3]]");
    }

    @Test
    void strangersTextStaysOneLine() {
        assertThat(TensorFileFault.quoted("a\nb\u001b[31m\u2028\u202e\ud83d\ude00"))
                .isEqualTo("\"a\\u000ab\\u001b[31m\\u2028\\u202e\\ud83d\\ude00\"");
        assertThat(TensorFileFault.quoted("x".repeat(1000))).hasSize(125).endsWith("...\"");
    }
}
