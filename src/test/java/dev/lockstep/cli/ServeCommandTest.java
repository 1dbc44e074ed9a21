package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServeCommandTest {
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "localhost", "::1", "[::1]", "fe80::1"})
    void aBrowserUnderstandsTheUrl(String host) {
        URI url = URI.create(ServeCommand.url(host, 8080));
        assertThat(url.getPort()).isEqualTo(8080);
        assertThat(url.getHost()).isNotNull().contains(host);
    }

    @Test
    void anIpv6AddressStandsInBrackets() {
        assertThat(ServeCommand.url("::1", 80)).isEqualTo("http://[::1]:80/");
    }
}
