package dev.lockstep.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.Provider;
import java.security.SecureRandomSpi;
import java.util.HexFormat;
import java.util.Random;

/**
 * A provider of secure random numbers that writes each one, as a line of hexadecimal digits, to the file that the property
 * {@link #FILE_PROPERTY} names, so that a test knows the secrets of a process.
 */
public final class KnownRandom extends Provider {
    static final String FILE_PROPERTY = "lockstep.known.random";
    private static final long serialVersionUID = 1;

    /** Made by the JDK, which finds the class by its name. */
    public KnownRandom() {
        super("KnownRandom", "1", "random numbers that a test knows");
        put("SecureRandom.Known", Numbers.class.getName());
    }

    /** Made by the JDK. */
    public static final class Numbers extends SecureRandomSpi {
        private static final long serialVersionUID = 1;
        private final Random random = new Random();

        @Override
        protected void engineSetSeed(byte[] seed) {}

        @Override
        protected void engineNextBytes(byte[] bytes) {
            random.nextBytes(bytes);
            try {
                Files.writeString(
                        Path.of(System.getProperty(FILE_PROPERTY)),
                        HexFormat.of().formatHex(bytes) + "\n",
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        protected byte[] engineGenerateSeed(int byteCount) {
            byte[] seed = new byte[byteCount];
            random.nextBytes(seed);
            return seed;
        }
    }
}
