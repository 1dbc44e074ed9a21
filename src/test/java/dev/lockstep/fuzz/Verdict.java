package dev.lockstep.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lockstep.BadInputException;
import java.lang.management.ManagementFactory;

/**
 * What every reader owes a stranger's file: it reads it, or refuses it in one line without anything that a terminal
 * would obey, and takes memory for what the file holds, never for what it claims.
 */
public final class Verdict {
    /** Buffers, decoders, strings and JSON trees that do not depend on the file. */
    private static final long CONSTANT_BYTES = 2L << 20;

    private static final long BYTES_A_BYTE = 64;

    private Verdict() {}

    /** A reader at work. */
    public interface Reading {
        /** Reads. */
        void run() throws Exception;
    }

    /**
     * Reads, and reads again if that allocated too much: only the first time loads classes and configuration.
     *
     * @param fileBytes length of the file
     * @return whether it was read
     */
    public static boolean of(long fileBytes, Reading reading) throws Exception {
        long limitBytes = CONSTANT_BYTES + BYTES_A_BYTE * fileBytes;
        Once once = once(reading);
        if (once.allocatedBytes() >= limitBytes) {
            once = once(reading);
        }
        if (once.refusal() != null) {
            assertThat(once.refusal().getMessage()).isNotBlank().doesNotContainPattern("[\\p{Cntrl}]");
        }
        assertThat(once.allocatedBytes())
                .as("bytes allocated for a file of %d bytes", fileBytes)
                .isLessThan(limitBytes);
        return once.refusal() == null;
    }

    private record Once(BadInputException refusal, long allocatedBytes) {}

    private static Once once(Reading reading) throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        long before = threads.getThreadAllocatedBytes(thread);
        BadInputException refusal = null;
        try {
            reading.run();
        } catch (BadInputException e) {
            refusal = e;
        }
        return new Once(refusal, threads.getThreadAllocatedBytes(thread) - before);
    }
}
