package dev.lockstep.step;

import java.io.Serializable;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * What a task needs to enter a run. It travels with the task, over channels that Spark protects.
 *
 * @param runId name of the run, unique
 * @param secret fresh for each run; without it the driver lets nobody in
 * @param host where the driver's exchange listens
 * @param port where the driver's exchange listens
 * @param settings fan-in and signs of life
 * @param rehearses whether workers are to {@linkplain Rehearsal rehearse} before they are ready
 */
record RunTicket(String runId, byte[] secret, String host, int port, ExchangeSettings settings, boolean rehearses)
        implements Serializable {
    /** Length of a secret. */
    static final int SECRET_BYTES = 32;

    private static final int RUN_ID_BYTES = 8;

    /** A new run's ticket, for a port that is not known yet. */
    static RunTicket fresh(String host, ExchangeSettings settings, boolean rehearses) {
        SecureRandom random = new SecureRandom();
        byte[] secret = new byte[SECRET_BYTES];
        byte[] id = new byte[RUN_ID_BYTES];
        random.nextBytes(secret);
        random.nextBytes(id);
        return new RunTicket(HexFormat.of().formatHex(id), secret, host, 0, settings, rehearses);
    }

    RunTicket at(int listeningPort) {
        return new RunTicket(runId, secret, host, listeningPort, settings, rehearses);
    }

    /** Without the secret, which must not get into logs. */
    @Override
    public String toString() {
        return "run " + runId + " at " + host + ":" + port;
    }
}
