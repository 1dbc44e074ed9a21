package dev.lockstep.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.Manifest;
import picocli.CommandLine.IVersionProvider;

/** What the jar's manifest says of itself. */
final class Version implements IVersionProvider {
    private static final String UNKNOWN = "unknown";

    /** Version of the project, "unknown" outside its jar. */
    static String number() {
        return attribute(Attributes.Name.IMPLEMENTATION_VERSION.toString());
    }

    /** Git revision that the jar was built from, with "-dirty" if there were changes; "unknown" outside the jar. */
    static String revision() {
        return attribute("Git-Revision");
    }

    @Override
    public String[] getVersion() {
        return new String[] {
            "lockstep " + number() + " (" + revision() + "), Java " + System.getProperty("java.version")
        };
    }

    private static String attribute(String name) {
        URL self = Version.class.getResource("Version.class");
        if (self == null || !self.getProtocol().equals("jar")) {
            return UNKNOWN;
        }
        String jar = self.toString().substring(0, self.toString().lastIndexOf('!') + 1);
        try (InputStream in = new URL(jar + "/META-INF/MANIFEST.MF").openStream()) {
            String value = new Manifest(in).getMainAttributes().getValue(name);
            return value == null ? UNKNOWN : value;
        } catch (IOException e) {
            return UNKNOWN;
        }
    }

    /** Adds to a model's provenance what made it. */
    static void stamp(Map<String, String> provenance) {
        provenance.put("lockstep-version", number());
        provenance.put("lockstep-revision", revision());
    }
}
