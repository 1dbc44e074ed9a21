package dev.lockstep.train;

import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;

/** Where the checkpoints of one run are kept. One thread. */
interface Checkpoints {
    /**
     * Keeps a checkpoint.
     *
     * @param warn hears of what is no failure
     * @return what it is called, for messages
     * @throws IOException if it cannot be kept
     */
    String save(Checkpoint checkpoint, Consumer<String> warn) throws IOException;

    /**
     * The newest checkpoint that is whole.
     *
     * @param warn hears of those that are not
     * @throws IOException if they cannot be read
     */
    Optional<Checkpoint> newest(Consumer<String> warn) throws IOException;
}
