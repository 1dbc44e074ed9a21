package dev.lockstep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.lockstep.tune.MadeSearch;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** The pages in a real browser: Debian's chromium, without a screen, driven by chromium-driver. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReportBrowserIT {
    private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
    private static final Path BROWSER = Path.of("/usr/bin/chromium");
    private static final String AXE = "/META-INF/resources/webjars/axe-core/4.6.3/axe.min.js";
    private static final int PHONE = 360;

    private final Logger selenium = Logger.getLogger("org.openqa.selenium"); // kept, or its level would be forgotten
    private ChromeDriver browser;
    private Path run;
    private Path comparison;
    private Path search;

    @BeforeAll
    void startAndMakePages(@TempDir Path directory) throws IOException {
        if (!Files.isExecutable(DRIVER) || !Files.isExecutable(BROWSER)) {
            String message = "NO BROWSER: the report was not looked at, since " + BROWSER + " or " + DRIVER
                    + " is missing; install Debian's packages chromium and chromium-driver";
            System.err.println("[WARNING] " + message);
            abort(message);
        }
        run = directory.resolve("run");
        Path other = directory.resolve("other");
        MadeRun made = new MadeRun(run);
        for (int step = 100; step <= 12_300; step += 100) {
            made.loss(step, 200.0 / step);
            if (step % 600 == 0) {
                made.evaluation(step, 300.0 / step);
            }
        }
        made.summary.put("weights_sha256", "0123456789abcdef".repeat(4)).put("a-long-word", "w".repeat(300));
        made.model(Map.of("data", "here")).report();
        new MadeRun(other).evaluation(600, 0.6).evaluation(1_200, 0.4).write();
        comparison = directory.resolve("comparison.html");
        Report.compare(new Configuration(), List.of(run.toString(), other.toString()), comparison.toString());

        search = MadeSearch.page(directory.resolve("search.html"));

        // It says that it does not know this browser's newest debugging protocol, of which we use what has been there
        // for ever.
        selenium.setLevel(Level.SEVERE);
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        logs.enable(LogType.PERFORMANCE, Level.ALL);
        ChromeOptions options = new ChromeOptions();
        options.setBinary(BROWSER.toFile());
        // The sandbox refuses to run for root, as in most containers; the pages are our own.
        options.addArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu");
        options.setCapability("goog:loggingPrefs", logs);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(DRIVER.toFile())
                .usingAnyFreePort()
                .build();
        browser = new ChromeDriver(service, options);
    }

    @AfterAll
    void stop() {
        if (browser != null) {
            browser.quit();
        }
    }

    private Path page(String name) {
        return switch (name) {
            case "run" -> run.resolve(Report.FILE);
            case "comparison" -> comparison;
            default -> search;
        };
    }

    /** Opens a page on a screen so wide, under the system's theme. */
    private void open(String name, int width, String theme) {
        browser.manage().logs().get(LogType.BROWSER);
        browser.manage().logs().get(LogType.PERFORMANCE);
        browser.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 800, "deviceScaleFactor", 1, "mobile", width == PHONE));
        browser.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", theme))));
        browser.get("about:blank");
        browser.get(page(name).toUri().toString());
        browser.executeScript("try { localStorage.clear(); } catch (e) {}");
        browser.navigate().refresh();
    }

    private long number(String script) {
        return ((Number) Objects.requireNonNull(browser.executeScript("return " + script))).longValue();
    }

    private Object ask(String script) {
        return browser.executeScript("return " + script);
    }

    /** Pixels of a chart that are not its ground. */
    private long inked(String chart) {
        return number("(() => { const c = document.querySelector('#" + chart + " canvas');"
                + "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;"
                + "for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()");
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "comparison", "search"})
    void chartsAreDrawnWithoutErrorsAndWithoutTheNetwork(String name) {
        open(name, 1200, "light");
        List<WebElement> charts = browser.findElements(By.cssSelector("figure.chart"));
        assertThat(charts).isNotEmpty();
        for (WebElement chart : charts) {
            assertThat(inked(chart.getDomAttribute("id")))
                    .as(chart.getDomAttribute("id"))
                    .isGreaterThan(500);
        }
        assertThat(browser.manage().logs().get(LogType.BROWSER).getAll()).isEmpty();
        Stream<String> asked = browser.manage().logs().get(LogType.PERFORMANCE).getAll().stream()
                .map(entry -> entry.getMessage())
                .filter(message -> message.contains("Network.requestWillBeSent\""))
                .map(message -> message.replaceAll("(?s).*\"url\":\"([^\"]{0,200}).*", "$1"));
        assertThat(asked)
                .allMatch(url -> url.startsWith("file:") || url.startsWith("data:") || url.equals("about:blank"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "comparison", "search"})
    void nothingIsWiderThanAPhone(String name) {
        open(name, PHONE, "light");
        browser.executeScript("document.querySelectorAll('details').forEach(d => d.open = true)");
        assertThat(number("window.innerWidth")).isEqualTo(PHONE);
        assertThat(number("document.documentElement.scrollWidth")).isLessThanOrEqualTo(PHONE);
    }

    @Test
    void runsStandBelowEachOtherOnAPhone() {
        open("comparison", PHONE, "light");
        assertThat(number("[...document.querySelectorAll('.scroll')].filter(e => e.querySelector('.runs')).length"))
                .isPositive();
        assertThat(number("[...document.querySelectorAll('.scroll')].filter(e => e.querySelector('.runs')"
                        + " && e.scrollWidth > e.clientWidth).length"))
                .as("tables of runs to be moved sideways")
                .isZero();
    }

    @Test
    void theThemeIsTheSystemsUntilTheButtonIsPressed() {
        String ground = "getComputedStyle(document.body).backgroundColor";
        String pressed = "document.getElementById('theme').getAttribute('aria-pressed')";
        open("run", 1200, "light");
        Object light = ask(ground);
        open("run", 1200, "dark");
        Object dark = ask(ground);
        assertThat(dark).isNotEqualTo(light);
        assertThat(ask(pressed)).isEqualTo("true");
        Object darkChart = ask("document.querySelector('#loss canvas').toDataURL()");
        browser.findElement(By.id("theme")).click();
        assertThat(ask(ground)).isEqualTo(light);
        assertThat(ask(pressed)).isEqualTo("false");
        assertThat(ask("document.querySelector('#loss canvas').toDataURL()")).isNotEqualTo(darkChart);
    }

    @Test
    void theKeyboardReachesAndMovesEveryControl() {
        open("run", 1200, "light");
        long controls = number("document.querySelectorAll('a, button, summary, input, [tabindex=\"0\"]').length");
        WebElement slider = browser.findElement(By.cssSelector("#loss input"));
        String before = browser.findElement(By.cssSelector("#loss output")).getText();
        boolean moved = false;
        Set<String> reached = new HashSet<>();
        for (int i = 0; i < controls; i++) {
            WebElement active = browser.switchTo().activeElement();
            active.sendKeys(Keys.TAB);
            active = browser.switchTo().activeElement();
            if (active.getTagName().equals("body")) {
                break; // behind the last control
            }
            assertThat(ask("getComputedStyle(document.activeElement).outlineStyle"))
                    .as(active.toString())
                    .isNotEqualTo("none");
            reached.add(active.toString());
            if (active.equals(slider)) {
                active.sendKeys(Keys.ARROW_LEFT);
                moved = true;
            }
        }
        // Tables in a closed detail cannot be reached, and need not be.
        long visible = number("[...document.querySelectorAll('a, button, summary, input, [tabindex=\"0\"]')]"
                + ".filter(e => e.checkVisibility()).length");
        assertThat(reached).hasSizeGreaterThanOrEqualTo((int) visible);
        assertThat(moved).isTrue();
        assertThat(browser.findElement(By.cssSelector("#loss output")).getText())
                .isNotEqualTo(before);
        WebElement curve = browser.findElement(By.cssSelector("#loss .legend button"));
        long ink = inked("loss");
        curve.sendKeys(Keys.SPACE);
        assertThat(curve.getDomAttribute("aria-pressed")).isEqualTo("false");
        browser.executeAsyncScript("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))");
        assertThat(inked("loss")).isNotEqualTo(ink);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"run light", "run dark", "comparison light", "comparison dark", "search light", "search dark"})
    void axeFindsNothing(String what) throws IOException {
        String[] words = what.split(" ");
        open(words[0], 1200, words[1]);
        browser.executeScript("document.querySelectorAll('details').forEach(d => d.open = true)");
        String axe;
        try (InputStream in = getClass().getResourceAsStream(AXE)) {
            axe = new String(Objects.requireNonNull(in, AXE).readAllBytes(), StandardCharsets.UTF_8);
        }
        browser.executeScript(axe);
        Object found = browser.executeAsyncScript("const done = arguments[0]; axe.run().then(r => done("
                + "r.violations.map(v => v.impact + ' ' + v.id + ' ' + v.nodes.map(n => n.target + ' ' + n.failureSummary))"
                + ".concat(r.passes.length > 10 ? [] : ['only ' + r.passes.length + ' rules looked at anything'])))");
        assertThat((List<?>) found).isEmpty();
    }
}
