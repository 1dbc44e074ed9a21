package dev.lockstep.files;

import dev.lockstep.BadInputException;

/** The one line that every refused tensor file gets: file, offset, expected, found. */
public final class TensorFileFault {
    /** Longest piece of a stranger's text in a message, in characters: the line has to stay a line. */
    private static final int QUOTED_LIMIT = 120;

    private TensorFileFault() {}

    /**
     * @param file name of the file, for people; inside an archive with the entry
     * @param offsetBytes where in it, from its start
     */
    static BadInputException at(String file, long offsetBytes, String expected, String found) {
        return new BadInputException(file + " at byte " + offsetBytes + ": expected " + expected + ", found " + found);
    }

    /** Text from a file in quotes, cut to a bearable length, and without what could break the line or the terminal. */
    public static String quoted(String text) {
        return "\"" + plain(text) + "\"";
    }

    /** As {@link #quoted}, without the quotes. */
    public static String plain(String text) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < text.length() && i < QUOTED_LIMIT; i++) {
            char c = text.charAt(i);
            // Surrogates too: a pair cut in half, or a lone one, would garble the line.
            boolean harmless = !Character.isISOControl(c)
                    && !Character.isSurrogate(c)
                    && Character.getType(c) != Character.FORMAT
                    && Character.getType(c) != Character.LINE_SEPARATOR
                    && Character.getType(c) != Character.PARAGRAPH_SEPARATOR;
            line.append(harmless ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        }
        return text.length() > QUOTED_LIMIT ? line + "..." : line.toString();
    }
}
