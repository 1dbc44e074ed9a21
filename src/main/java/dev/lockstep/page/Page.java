package dev.lockstep.page;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * A page around its sections: head, style, scripts, navigation. It holds all that it needs, and its security policy lets
 * nothing but its own two scripts run and nothing be fetched, should a stranger's text ever get past {@link Html}.
 */
public final class Page {
    /** The library that draws; its version is the one in pom.xml. */
    private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

    private final String title;
    private final List<Section> sections = new ArrayList<>();
    private final ArrayNode charts = new ObjectMapper().createArrayNode();

    private record Section(String id, String heading, String html) {}

    /** A page without sections. */
    public Page(String title) {
        this.title = title;
    }

    /** Adds a section. */
    public void section(String id, String heading, Html content) {
        sections.add(new Section(id, heading, content.toString()));
    }

    /** Writes a chart to a section's content. */
    public void chart(Chart chart, Html content) {
        chart.addTo(charts);
        chart.write(content);
    }

    /**
     * The whole page.
     *
     * @param subtitle below the title
     */
    public String html(String subtitle) {
        String library = resource(UPLOT + "uPlot.iife.min.js");
        String script = resource("page.js");
        Html html = new Html();
        html.raw("<!DOCTYPE html>\n").open("html", "lang", "en");
        writeHead(html, library, script);
        html.open("body");
        html.element("a", "To the content", "class", "skip", "href", "#content");
        html.open("header")
                .open("div", "class", "titles")
                .element("h1", title)
                .element("p", subtitle)
                .close();
        html.element("button", "Dark theme", "type", "button", "id", "theme", "aria-pressed", "false");
        html.closeLine();
        html.open("nav", "aria-label", "Sections").open("ul");
        for (Section section : sections) {
            html.open("li")
                    .element("a", section.heading, "href", "#" + section.id)
                    .close();
        }
        html.close().closeLine();
        html.open("main", "id", "content", "tabindex", "-1");
        html.open("noscript").open("p", "class", "note");
        html.text(
                "Charts are drawn by a script, which does not run here; the tables below them hold the same figures.");
        html.close().closeLine();
        for (Section section : sections) {
            html.open("section", "id", section.id, "aria-labelledby", section.id + "-heading");
            html.element("h2", section.heading, "id", section.id + "-heading");
            html.raw(section.html).closeLine();
        }
        html.closeLine();
        html.open("footer")
                .element("p", "Made by Lockstep. Charts: uPlot, MIT licence.")
                .closeLine();
        html.open("script", "type", "application/json", "id", "charts")
                .raw(chartsJson())
                .closeLine();
        html.open("script").raw(library).closeLine();
        html.open("script").raw(script).closeLine();
        return html.close().closeLine().toString();
    }

    private void writeHead(Html html, String library, String script) {
        html.open("head").open("meta", "charset", "utf-8");
        html.open("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        html.open(
                "meta",
                "http-equiv",
                "Content-Security-Policy",
                "content",
                "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '" + hash(library) + "' '"
                        + hash(script) + "'; base-uri 'none'; form-action 'none'");
        html.open("meta", "name", "color-scheme", "content", "light dark");
        html.open("link", "rel", "icon", "href", "data:,");
        html.element("title", title);
        html.open("style").raw(resource(UPLOT + "uPlot.min.css")).closeLine();
        html.open("style").raw(resource("page.css")).closeLine();
        html.closeLine();
    }

    /** JSON in which no tag can begin. */
    private String chartsJson() {
        try {
            return new ObjectMapper()
                    .writeValueAsString(charts)
                    .replace("<", "\\u003c")
                    .replace(">", "\\u003e")
                    .replace("&", "\\u0026");
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String hash(String script) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(script.getBytes(StandardCharsets.UTF_8));
            return "sha256-" + Base64.getEncoder().encodeToString(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static String resource(String name) {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
