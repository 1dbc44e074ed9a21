package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The bill of materials that the build leaves. */
class BillOfMaterialsIT {
    @Test
    void namesWhatIsShippedAndWhatSparkBringsAndNoTestTool() throws IOException {
        JsonNode bom =
                new ObjectMapper().readTree(Programs.project("target/bom.json").toFile());
        assertThat(bom.path("bomFormat").asText()).isEqualTo("CycloneDX");
        assertThat(bom.path("metadata").path("component").path("name").asText()).isEqualTo("lockstep");
        Map<String, JsonNode> components = new TreeMap<>();
        bom.path("components")
                .forEach(found -> components.put(found.path("name").asText(), found));
        assertThat(components)
                .containsKeys("picocli", "spark-core_2.13", "hadoop-client-api")
                .doesNotContainKeys("junit-jupiter", "jqwik", "hadoop-client-minicluster", "archunit-junit5");
        assertThat(components.values()).allSatisfy(component -> {
            assertThat(component.path("version").asText()).isNotBlank();
            assertThat(component.path("hashes").isEmpty())
                    .as(component.path("name").asText())
                    .isFalse();
        });
    }
}
