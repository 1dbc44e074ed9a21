package dev.lockstep.step;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import org.apache.spark.network.util.AbstractFileRegion;

/**
 * A frame in a form that Spark's SASL encryption sends whole, which it does not do with a {@code ByteBuf}. There it takes as
 * the message's length what is left to be encrypted, so that the message counts as sent once as much has gone as is left: of a
 * frame of one to two blocks (64 KB each, {@code spark.network.sasl.maxEncryptedBlockSize}) the second never goes, and of a
 * block of which the socket takes a part, the rest. A region's length stays what it was, and nothing that is sent later can
 * come between its blocks.
 */
final class FrameRegion extends AbstractFileRegion {
    private final ByteBuffer head;
    private final ByteBuffer rest;
    private final long count;
    private long transferred;

    /**
     * Views of both pieces, which belong to the caller and must not change until they are sent.
     *
     * @param rest null for nothing
     */
    FrameRegion(ByteBuffer head, ByteBuffer rest) {
        this.head = head.duplicate();
        this.rest = rest == null ? FrameLayout.NOTHING.duplicate() : rest.duplicate();
        this.count = (long) this.head.remaining() + this.rest.remaining();
    }

    @Override
    public long position() {
        return 0;
    }

    @Override
    public long count() {
        return count;
    }

    @Override
    public long transferred() {
        return transferred;
    }

    @Override
    public long transferTo(WritableByteChannel target, long position) throws IOException {
        long written = target.write(head);
        if (!head.hasRemaining()) {
            written += target.write(rest);
        }
        transferred += written;
        return written;
    }

    @Override
    protected void deallocate() {
        // The pieces belong to the sender.
    }
}
