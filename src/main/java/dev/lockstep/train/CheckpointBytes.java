package dev.lockstep.train;

import dev.lockstep.files.SafetensorsFile;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The newest checkpoint of a run in memory, as the bytes of its file: for training that goes on in another process, which
 * gets them, and gives them back, by ways of its own. One thread.
 */
public final class CheckpointBytes implements Checkpoints {
    private final String name;
    private byte[] bytes;

    /**
     * @param name for messages
     * @param bytes of a checkpoint to go on from; null for none. Not copied.
     */
    public CheckpointBytes(String name, byte[] bytes) {
        this.name = name;
        this.bytes = bytes;
    }

    /** The newest checkpoint, not copied; empty if there is none. */
    public Optional<byte[]> bytes() {
        return Optional.ofNullable(bytes);
    }

    /**
     * Whether these bytes are a whole checkpoint.
     *
     * @param name of where they come from, for messages
     * @return the steps that it has seen
     * @throws dev.lockstep.BadInputException if they are not
     */
    public static long requireWhole(String name, byte[] bytes) {
        return read(name, bytes).step();
    }

    private static Checkpoint read(String name, byte[] bytes) {
        try {
            SafetensorsFile.Contents contents =
                    SafetensorsFile.read(name, new ByteArrayInputStream(bytes), bytes.length);
            return Checkpoint.unseal(name, contents.tensors(), contents.metadata());
        } catch (IOException e) {
            throw new IllegalStateException("an array can always be read", e);
        }
    }

    @Override
    public String save(Checkpoint checkpoint, Consumer<String> warn) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SafetensorsFile.write(out, checkpoint.tensors(), checkpoint.sealed());
        bytes = out.toByteArray();
        return name;
    }

    @Override
    public Optional<Checkpoint> newest(Consumer<String> warn) {
        return bytes().map(there -> read(name, there));
    }
}
