package dev.lockstep.step;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Layout of the frames between processes of a run. All numbers are little-endian. A worker's frames to the driver are
 * requests, and the driver's frames to it are their answers, given when there is something to do; ALIVE, HAND_IN and OVER
 * may come at any time. Between workers an order is the request, and the parts are its answer. HELLO and WELCOME are exchanged once a
 * connection, as an RPC of Spark's, everything else after it as bare frames.
 *
 * <pre>
 *   offset  bytes
 *        0      4  magic "LKS1"
 *        4      4  type, one of the constants below
 *        8      4  member: number that the driver gave to the worker at the lower end, 0 in HELLO, WELCOME and JOIN
 *       12      4  count: nodes in the body; length of the text in JOIN and FAILED
 *       16      8  round
 *       24      8  step of a gradient
 *       32      4  detail: split of a score; microseconds to linger in GRADIENT downwards; port of a worker that others can
 *                  reach in JOIN, else 0; 1 in FAILED for bad input; 1 in OVER if the run goes on without this worker
 *       36      4  body: bytes that follow
 *       40         body
 *
 *   HELLO    32 bytes of the run's secret
 *   WELCOME  nothing
 *   JOIN     a name (UTF-8, count bytes), then the host of a worker that others can reach (UTF-8)
 *   READY    nothing
 *   GRADIENT upwards: for each node low, high, rows, 0 (4 bytes each), sum of losses (8, float64), and if rows is not 0 the
 *            gradient as {@link ParameterCodec} writes it
 *   SCORE    upwards: for each node low, high (4 each), then for each of its shards sum of losses (8, float64) and the
 *            confusion matrix (8 each, classes x classes)
 *   REPORT   upwards: for each node low, high (4 each), then for each of its shards two fingerprints and a number of
 *            bytes (8 each)
 *   FAILED   a text (UTF-8)
 *   LOAD, REPORT downwards: for each node low, high (4 each)
 *   GRADIENT, SCORE downwards: for each node low, high (4 each), then the workers below as {@link OrderCodec} writes them,
 *            then of the weights the version to begin with and the version to have (8 each), and if they differ a
 *            {@link ParameterCodec} form that leads from the one to the other, or from anything if the first is 0
 *   ALIVE    nothing: a sign of life of a worker, which is no request
 *   HAND_IN  nothing: parts that are there are to be handed in without those that are not
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

    /** Nobody keeps a core without work for longer. */
    static final int MAX_LINGER_MICROS = 10_000;

    static final int NODE_BYTES = 8;
    static final int GRADIENT_NODE_BYTES = 24;
    static final int REPORT_SHARD_BYTES = 24;

    /** Of a name or a failure. */
    static final int MAX_TEXT_BYTES = 1024;

    static final int HELLO = 1;
    static final int READY = 2;
    static final int FAILED = 3;
    static final int LOAD = 4;
    static final int GRADIENT = 5;
    static final int SCORE = 6;
    static final int REPORT = 7;
    static final int OVER = 8;
    static final int WELCOME = 9;
    static final int JOIN = 10;
    static final int HAND_IN = 11;
    static final int ALIVE = 12;

    /** Room for nothing. */
    static final ByteBuffer NOTHING = room(0);

    private FrameLayout() {}

    /** Bytes of a shard's score. */
    static int scoreShardBytes(StepPlan plan) {
        int classes = plan.shape().outputs();
        return Double.BYTES + classes * classes * Long.BYTES;
    }

    /** Room for frames; plain direct memory, since the transport may still be sending when a run ends. */
    static ByteBuffer room(long bytes) {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A frame without a body that says nothing but its type. */
    static ByteBuffer bare(int type) {
        ByteBuffer frame = room(HEADER_BYTES);
        start(frame, type, 0, 0, -1, -1, 0);
        return end(frame);
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

    /** Length of a frame whose header is at the beginning of the buffer; it is checked by {@link #open}. */
    static long lengthBytes(ByteBuffer frame) {
        require(frame.getInt(MAGIC_OFFSET) == MAGIC, "magic", MAGIC, frame.getInt(MAGIC_OFFSET));
        int body = frame.getInt(BODY_LENGTH_OFFSET);
        require(body >= 0, "body length, at least", 0, body);
        return HEADER_BYTES + (long) body;
    }

    /** Ends the first piece of a frame: fills in the length of its body, of which more follows. */
    static ByteBuffer end(ByteBuffer head, int restBytes) {
        head.putInt(BODY_LENGTH_OFFSET, Math.addExact(head.position() - HEADER_BYTES, restBytes));
        return head.flip();
    }

    /** Ends a frame: fills in the body's length and makes the buffer ready to be sent. */
    static ByteBuffer end(ByteBuffer frame) {
        return end(frame, 0);
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
