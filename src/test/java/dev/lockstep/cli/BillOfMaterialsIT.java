package dev.lockstep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The bill of materials that the build leaves. */
class BillOfMaterialsIT {
    @Test
    void namesWhatIsShippedAndWhatSparkBringsAndNoTestTool() throws IOException {
        Path file = Programs.project("target/bom.json");
        assumeThat(file)
                .as("what mvn -o leaves out, since the plugin wants to be online")
                .exists();
        JsonNode bom = new ObjectMapper().readTree(file.toFile());
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
