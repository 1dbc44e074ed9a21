package dev.lockstep.step;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts connections that did not show the run's secret, and names each host they came from once. Any thread. */
final class Strangers {
    private static final Logger LOG = LoggerFactory.getLogger(Strangers.class);

    /** More hosts are counted, and not named: neither memory nor log is for strangers to fill. */
    private static final int MAX_NAMED = 1_000;

    private final Set<String> named = new HashSet<>();
    private long count;

    synchronized void refused(SocketAddress peer, String reason) {
        count++;
        String host = peer instanceof InetSocketAddress address ? address.getHostString() : String.valueOf(peer);
        if (named.size() < MAX_NAMED && named.add(host)) {
            LOG.warn("{} was refused: {}; further attempts from this host are only counted", peer, reason);
        }
    }

    synchronized long count() {
        return count;
    }
}
