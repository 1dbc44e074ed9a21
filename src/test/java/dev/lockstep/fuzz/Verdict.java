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
    private static final long CONSTANT_BYTES = 6L << 20;

    private static final long BYTES_A_BYTE = 64;

    private Verdict() {}

    /** A reader at work. */
    public interface Reading {
        /** Reads. */
        void run() throws Exception;
    }

    /**
     * Reads.
     *
     * @param fileBytes length of the file
     * @return whether it was read
     */
    public static boolean of(long fileBytes, Reading reading) throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        long before = threads.getThreadAllocatedBytes(thread);
        BadInputException refusal = null;
        try {
            reading.run();
        } catch (BadInputException e) {
            refusal = e;
        }
        // Before the assertions, whose classes take a few megabytes to load.
        long allocatedBytes = threads.getThreadAllocatedBytes(thread) - before;
        if (refusal != null) {
            assertThat(refusal.getMessage()).isNotBlank().doesNotContainPattern("[\\p{Cntrl}]");
        }
        assertThat(allocatedBytes)
                .as("bytes allocated for a file of %d bytes", fileBytes)
                .isLessThan(CONSTANT_BYTES + BYTES_A_BYTE * fileBytes);
        return refusal == null;
    }
}
