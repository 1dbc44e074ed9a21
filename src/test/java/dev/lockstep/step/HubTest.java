package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Tasks of a run in one process come and go, and the first one connects it. */
class HubTest {
    private final RunTicket ticket = RunTicket.fresh("127.0.0.1", ExchangeSettings.DEFAULT, false);

    /** Counts, and fails to connect with what it is given. */
    private final class Counted extends Hub {
        private Throwable trouble;
        private int connected;
        private int left;

        Counted() {
            super(ticket.runId());
            register();
        }

        @Override
        WorkerTeam team() {
            throw new UnsupportedOperationException();
        }

        @Override
        void firstTaskEntered() throws IOException {
            if (trouble instanceof IOException e) {
                throw e;
            } else if (trouble instanceof Error e) {
                throw e;
            }
            connected++;
        }

        @Override
        void lastTaskLeft() {
            left++;
        }

        @Override
        Throwable failure() {
            return null;
        }
    }

    @Test
    void whateverKeepsTheFirstTaskFromConnectingTheNextTriesAgain() throws IOException {
        Counted hub = new Counted();
        try {
            for (Throwable trouble : new Throwable[] {new IOException("no route"), new OutOfMemoryError("no room")}) {
                hub.trouble = trouble;
                assertThatThrownBy(() -> Hub.enter(ticket, null, null)).isSameAs(trouble);
            }
            assertThat(hub.left).as("times that all was freed").isEqualTo(2);
            hub.trouble = null;
            assertThat(Hub.enter(ticket, null, null)).isSameAs(hub);
            assertThat(Hub.enter(ticket, null, null)).isSameAs(hub);
            assertThat(hub.connected).isEqualTo(1);
            hub.exit();
            hub.exit();
            assertThat(hub.left).isEqualTo(3);
        } finally {
            hub.unregister();
        }
    }
}
