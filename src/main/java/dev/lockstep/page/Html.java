package dev.lockstep.page;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Set;

/**
 * Writes HTML. Whatever comes as text or as an attribute's value stays that, whoever wrote it; names of elements and of
 * attributes are ours. What no page may hold, and what would let a text look like another, is shown as {@code \}{@code u202e}.
 */
public final class Html {
    private static final Set<String> VOID = Set.of("meta", "link", "img", "input", "br");

    private final StringBuilder text = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    /** Begins an element; attributes are names and values in turn, null for an attribute without a value. */
    public Html open(String tag, String... attributes) {
        text.append('<').append(tag);
        for (int i = 0; i < attributes.length; i += 2) {
            text.append(' ').append(attributes[i]);
            if (attributes[i + 1] != null) {
                text.append("=\"");
                escape(attributes[i + 1]);
                text.append('"');
            }
        }
        text.append('>');
        if (!VOID.contains(tag)) {
            open.push(tag);
        }
        return this;
    }

    /** Ends the element that was begun last. */
    public Html close() {
        text.append("</").append(open.pop()).append('>');
        return this;
    }

    /** The same, and a new line. */
    public Html closeLine() {
        close();
        text.append('\n');
        return this;
    }

    /** Text. */
    public Html text(String plain) {
        escape(plain);
        return this;
    }

    /** An element with a text and nothing else. */
    public Html element(String tag, String plain, String... attributes) {
        return open(tag, attributes).text(plain).close();
    }

    /** A figure: people see it rounded, programs read all of it. */
    public Html number(double exact, String format) {
        return element("data", Figures.format(format, exact), "value", Figures.exact(exact));
    }

    /** A whole number. */
    public Html number(long exact) {
        return element("data", Figures.count(exact), "value", Long.toString(exact));
    }

    /** Begins a region for a wide table, which scrolls by itself and is reached by the keyboard. */
    public Html openScroll(String label) {
        return open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", label);
    }

    /** One of the figures at the top of a page; they stand in a list of class {@code tiles}. */
    public Html tile(String name, double exact, String format, String unit) {
        open("div").element("dt", name).open("dd");
        return number(exact, format).text(unit).close().closeLine();
    }

    /** What is HTML already: our own style and scripts. */
    public Html raw(String trusted) {
        text.append(trusted);
        return this;
    }

    private void escape(String plain) {
        for (int i = 0; i < plain.length(); ) {
            int c = plain.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '<' -> text.append("&lt;");
                case '>' -> text.append("&gt;");
                case '&' -> text.append("&amp;");
                case '"' -> text.append("&quot;");
                case '\'' -> text.append("&#39;");
                default -> {
                    if (isShownAsCode(c)) {
                        text.append(String.format(Locale.ROOT, "\\u%04x", c));
                    } else {
                        text.appendCodePoint(c);
                    }
                }
            }
        }
    }

    private static boolean isShownAsCode(int c) {
        int type = Character.getType(c);
        return type == Character.CONTROL
                || type == Character.FORMAT
                || type == Character.SURROGATE
                || type == Character.LINE_SEPARATOR
                || type == Character.PARAGRAPH_SEPARATOR
                || (c & 0xfffe) == 0xfffe
                || (c >= 0xfdd0 && c <= 0xfdef);
    }

    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("elements left open: " + open);
        }
        return text.toString();
    }
}
