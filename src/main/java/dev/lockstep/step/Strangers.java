package dev.lockstep.step;

import java.net.SocketAddress;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections to a door that have not shown the run's secret: so many may be there at once, and those that never show it are
 * counted, and logged by their address. Any thread.
 */
final class Strangers {
    private static final Logger LOG = LoggerFactory.getLogger(Strangers.class);

    /**
     * When one more comes the first has to go: it has had the longest time, and a worker needs a few round trips for
     * its hello. So nobody keeps workers out by holding connections open, and what these hold is bounded, 16 KB each. Many
     * executors may start at the same moment; with more of them than this, Spark tries the task of one that had to go again.
     */
    static final int MAX_CONNECTIONS = 256;

    /** More attempts are counted, and not logged: the log is not for strangers to fill. */
    static final int MAX_LOGGED = 1_000;

    private final Set<ExchangeGuard> unwelcome = new LinkedHashSet<>(); // in the order in which they came
    private long count;

    /** A connection has come. Returns the one that has to go for it; it is not asked to again. */
    synchronized Optional<ExchangeGuard> came(ExchangeGuard connection) {
        Optional<ExchangeGuard> first = Optional.empty();
        if (unwelcome.size() == MAX_CONNECTIONS) {
            Iterator<ExchangeGuard> oldest = unwelcome.iterator();
            first = Optional.of(oldest.next());
            oldest.remove();
        }
        unwelcome.add(connection);
        return first;
    }

    /** A connection is welcome, or has ended. */
    synchronized void left(ExchangeGuard connection) {
        unwelcome.remove(connection);
    }

    /** A connection has ended without having been welcome. */
    synchronized void refused(SocketAddress peer, String reason) {
        count++;
        if (count <= MAX_LOGGED) {
            String rest = count == MAX_LOGGED ? "; further attempts are only counted" : "";
            LOG.warn("{} was refused: {}{}", peer, reason, rest);
        }
    }

    synchronized long count() {
        return count;
    }
}
