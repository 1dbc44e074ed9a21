package dev.lockstep.step;

import java.nio.ByteBuffer;

/**
 * A connection that carries whole frames both ways, in order; {@link FrameLayout} says what they are. What carries them is
 * its own business: a socket ({@link ExchangeWire}), or memory with the delays of a network that a simulation thinks of.
 */
interface Wire {
    /**
     * Sends a frame that is made of two pieces. Any thread; never waits.
     *
     * @param head the beginning; not to be changed before the other end has answered it
     * @param rest what follows, under the same rule; null for nothing
     */
    void send(ByteBuffer head, ByteBuffer rest);

    /**
     * Looks for what comes without sleeping for so long, from now on, as long as nobody else wants the core: what comes is seen at
     * once then. Any thread.
     */
    default void linger(long nanos) {}

    /** Ends the connection; what is still being sent may be lost. Any thread, any number of times. */
    void close();

    /** Who takes what comes. Called by one thread at a time for each wire. */
    interface Listener {
        /**
         * A frame has come.
         *
         * @param frame its position is at the body; good during the call
         * @throws FrameLayout.MalformedFrameException if it is not what it should be: the wire is closed
         */
        void received(Wire wire, ByteBuffer frame);

        /** Bytes have come that are not a whole frame yet. */
        default void heard(Wire wire) {}

        /** The connection has ended, by whichever end. Called once. */
        void closed(Wire wire);
    }
}
