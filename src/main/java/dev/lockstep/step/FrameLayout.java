package dev.lockstep.step;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Layout of the frames between a worker process and the driver. All numbers are little-endian. Every frame from a worker
 * is a request, and every frame to it the answer to one, given when there is something to do.
 *
 * <pre>
 *   offset  bytes
 *        0      4  magic "LKS1"
 *        4      4  type, one of the constants below
 *        8      4  member: number that the driver gave, 0 in HELLO
 *       12      4  count: nodes in the body; length of the text in HELLO and FAILED
 *       16      8  round
 *       24      8  step of a gradient
 *       32      4  detail: split of a score; 1 in FAILED for bad input; 1 in OVER if the run goes on without this worker
 *       36      4  body: bytes that follow
 *       40         body
 *
 *   HELLO    32 bytes of the run's secret, then a name (UTF-8)
 *   READY    nothing
 *   GRADIENT from a worker: for each node low, high, rows, 0 (4 bytes each), sum of losses (8, float64), and if rows is
 *            not 0 the gradient as {@link ParameterCodec} writes it
 *   SCORE    from a worker: for each node low, high (4 each), then for each of its shards sum of losses (8, float64) and
 *            the confusion matrix (8 each, classes x classes)
 *   REPORT   from a worker: for each node low, high (4 each), then for each of its shards two fingerprints and a number of
 *            bytes (8 each)
 *   FAILED   a text (UTF-8)
 *   LOAD, GRADIENT, SCORE, REPORT to a worker: for each node low, high (4 each), then for GRADIENT and SCORE what of the
 *            weights has changed: 0 for nothing (4), or 1 (4) and a {@link ParameterCodec} form
 *   OVER     nothing
 * </pre>
 */
final class FrameLayout {
    static final int MAGIC = 0x31534B4C;
    static final int MAGIC_OFFSET = 0;
    static final int TYPE_OFFSET = 4;
    static final int MEMBER_OFFSET = 8;
    static final int COUNT_OFFSET = 12;
    static final int ROUND_OFFSET = 16;
    static final int STEP_OFFSET = 24;
    static final int DETAIL_OFFSET = 32;
    static final int BODY_LENGTH_OFFSET = 36;
    static final int HEADER_BYTES = 40;

    static final int NODE_BYTES = 8;
    static final int GRADIENT_NODE_BYTES = 24;
    static final int REPORT_SHARD_BYTES = 24;

    static final int HELLO = 1;
    static final int READY = 2;
    static final int FAILED = 3;
    static final int LOAD = 4;
    static final int GRADIENT = 5;
    static final int SCORE = 6;
    static final int REPORT = 7;
    static final int OVER = 8;

    private FrameLayout() {}

    /** Room for frames; plain direct memory, since the transport may still be sending when a run ends. */
    static ByteBuffer room(long bytes) {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Starts a frame: clears the buffer and leaves the position at the body. */
    static void start(ByteBuffer frame, int type, int member, int count, long round, long step, int detail) {
        frame.clear();
        frame.putInt(MAGIC)
                .putInt(type)
                .putInt(member)
                .putInt(count)
                .putLong(round)
                .putLong(step)
                .putInt(detail)
                .putInt(0);
    }

    /** Ends a frame: fills in the body's length and makes the buffer ready to be sent. */
    static ByteBuffer end(ByteBuffer frame) {
        frame.putInt(BODY_LENGTH_OFFSET, frame.position() - HEADER_BYTES);
        return frame.flip();
    }

    /**
     * Takes a frame as it came: checks what every frame has, and leaves the position at the body.
     *
     * @throws MalformedFrameException if it is no frame
     */
    static ByteBuffer open(ByteBuffer message) {
        ByteBuffer frame = message.slice().order(ByteOrder.LITTLE_ENDIAN);
        require(frame.limit() >= HEADER_BYTES, "length", HEADER_BYTES, frame.limit());
        require(frame.getInt(MAGIC_OFFSET) == MAGIC, "magic", MAGIC, frame.getInt(MAGIC_OFFSET));
        int body = frame.getInt(BODY_LENGTH_OFFSET);
        require(body == frame.limit() - HEADER_BYTES, "body length", frame.limit() - HEADER_BYTES, body);
        frame.position(HEADER_BYTES);
        return frame;
    }

    /**
     * Reads a node.
     *
     * @throws MalformedFrameException if the frame ends before it, or it is none of so many shards
     */
    static Node node(ByteBuffer frame, int shards) {
        require(frame.remaining() >= NODE_BYTES, "bytes of a node", NODE_BYTES, frame.remaining());
        Node node = new Node(frame.getInt(), frame.getInt());
        if (node.low() < 0 || node.high() <= node.low() || node.high() > shards) {
            throw new MalformedFrameException("node: expected within " + shards + " shards, found " + node);
        }
        return node;
    }

    static void require(boolean holds, String what, long expected, long found) {
        if (!holds) {
            throw new MalformedFrameException(what + ": expected " + expected + ", found " + found);
        }
    }

    /** Something that came over the wire is not what it should be; its connection ends, and nothing else. */
    static final class MalformedFrameException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        MalformedFrameException(String message) {
            super(message);
        }
    }
}
