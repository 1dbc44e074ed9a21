package dev.lockstep.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lockstep.page.Html;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.hadoop.fs.FileUtil;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;

/** Texts from strangers stay texts, wherever a page shows them. */
class HostileTextProperties {
    @Provide
    Arbitrary<String> hostile() {
        Arbitrary<String> parts = Arbitraries.of(
                "<script>alert(1)</script>",
                "</script>",
                "</style>",
                "<!--",
                "-->",
                "]]>",
                "\"",
                "'",
                "&lt;",
                "&#0;",
                "<img src=x onerror=alert(1)>",
                " onload=alert(1) ",
                "javascript:",
                "\\u003c",
                "\u202e",
                "\u2028",
                "\u0000",
                "\r\n",
                "\ud800",
                "<svg/onload=alert(1)>",
                "</td></table>",
                "`",
                "=",
                "\ufffe");
        Arbitrary<String> any = Arbitraries.strings().ofMaxLength(5);
        return Arbitraries.oneOf(parts, any).list().ofMinSize(1).ofMaxSize(6).map(list -> String.join("", list));
    }

    @Property(tries = 300)
    void textAndAttributeComeBackAsTheyWere(@ForAll("hostile") String text) {
        Html html = new Html().open("p", "title", text).text(text).close();
        Element p = ReportTest.parse(
                        "<!DOCTYPE html><html><head><title>t</title></head><body>" + html + "</body></html>")
                .body();
        assertThat(p.children()).hasSize(1);
        assertThat(p.child(0).children()).isEmpty();
        assertThat(p.child(0).attributes().asList()).hasSize(1);
        String shown = shown(text);
        assertThat(p.child(0).wholeText()).isEqualTo(shown);
        assertThat(p.child(0).attr("title")).isEqualTo(shown);
    }

    private static String shown(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().forEach(c -> {
            boolean isCode = Character.isISOControl(c)
                    || Character.getType(c) == Character.FORMAT
                    || (c >= 0xd800 && c <= 0xdfff)
                    || c == 0x2028
                    || c == 0x2029
                    || (c & 0xfffe) == 0xfffe
                    || (c >= 0xfdd0 && c <= 0xfdef);
            shown.append(isCode ? String.format("\\u%04x", c) : Character.toString(c));
        });
        return shown.toString();
    }

    @Property(tries = 60)
    void noTextGetsOutOfAPage(@ForAll("hostile") String text) throws IOException {
        Path directory = Files.createTempDirectory("hostile");
        try {
            MadeRun run = new MadeRun(directory.resolve("run")).evaluation(1, 1).loss(1, 1);
            run.model(Map.of("lockstep-version", text.replace("\ud800", "?")));
            run.summary.put("engine", text).put(text, text);
            run.summary.withObject("config").put("data", text).put(text, text);
            run.summary.withArray("workers").addObject().put("name", text);
            Document hostile = ReportTest.parse(run.report());
            assertThat(hostile.select("script")).hasSize(3);
            assertThat(hostile.select("style")).hasSize(2);
            assertThat(hostile.select("img").eachAttr("src")).allMatch(src -> src.startsWith("data:image/png;base64,"));
            assertThat(hostile.select("svg, iframe, object, embed, base, form, a[href^=javascript]"))
                    .isEmpty();
            for (Element element : hostile.getAllElements()) {
                assertThat(element.attributes().asList())
                        .noneMatch(a -> a.getKey().startsWith("on"));
            }
        } finally {
            FileUtil.fullyDelete(directory.toFile());
        }
    }
}
