package dev.lockstep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BadInputExceptionTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "no space left",
                "no space left\n\tat java.base/java.io",
                "\n  no space left\r\nat",
                "no space left\rat"
            })
    void aReasonIsTheFirstLineThatSaysSomething(String message) {
        assertThat(BadInputException.reason(new IOException(message))).isEqualTo("no space left");
    }

    @Test
    void aReasonWithoutAMessageIsTheClass() {
        assertThat(BadInputException.reason(new EOFException())).isEqualTo("EOFException");
        assertThat(BadInputException.reason(new EOFException(" \n"))).isEqualTo("EOFException");
    }
}
