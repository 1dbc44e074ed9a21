package dev.lockstep.step;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.SocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * Watches a connection until it is welcome. Spark's handlers keep messages of any length and know more kinds than the
 * exchange needs; so what goes to them is checked first:
 *
 * <pre>
 *   offset  bytes
 *        0      8  length of the message, these 8 included (big-endian)
 *        8      1  type: only RPC requests, by which Spark authenticates and workers say hello
 * </pre>
 *
 * Not more than a few kilobytes may come, in not more than a given time, over not more than a few hundred such connections
 * at once ({@link Strangers}). In the connection's event loop, unless a method says otherwise.
 */
final class ExchangeGuard extends ChannelInboundHandlerAdapter {
    /** A hello has 93 bytes; Spark's authentication sends a few hundred. */
    static final int MAX_MESSAGE_BYTES = 4_096;

    private static final int MAX_BYTES = 4 * MAX_MESSAGE_BYTES;
    private static final int HEADER_BYTES = Long.BYTES + 1;
    private static final int RPC_REQUEST = 3;
    private static final String NAME = "guard";

    private final Strangers strangers;
    private final int timeoutSeconds;
    private final Channel channel;
    private final SocketAddress peer;
    private ScheduledFuture<?> deadline;
    private boolean isEnded;
    private int bytes;
    private int headerBytes; // of the message that is coming
    private long length;
    private long rest; // of the message after its header

    private ExchangeGuard(Channel channel, Strangers strangers, int timeoutSeconds) {
        this.channel = channel;
        this.peer = channel.remoteAddress();
        this.strangers = strangers;
        this.timeoutSeconds = timeoutSeconds;
    }

    /** Begins to watch a new connection. */
    static void watch(Channel channel, Strangers strangers, int timeoutSeconds) {
        channel.pipeline().addFirst(NAME, new ExchangeGuard(channel, strangers, timeoutSeconds));
    }

    /** The connection is welcome, and not watched any more. */
    static void dismiss(Channel channel) {
        channel.pipeline().remove(NAME);
    }

    /** Ends the connection. */
    static void refuse(Channel channel, String reason) {
        if (channel.pipeline().get(NAME) instanceof ExchangeGuard guard) {
            guard.end(reason);
        }
        channel.close();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        deadline = context.executor()
                .schedule(() -> end("no hello in " + timeoutSeconds + " s"), timeoutSeconds, TimeUnit.SECONDS);
        strangers.came(this).ifPresent(ExchangeGuard::makeRoom);
    }

    /** Ends the connection in favour of one that came later. Any thread. */
    private void makeRoom() {
        channel.eventLoop()
                .execute(() -> end(Strangers.MAX_CONNECTIONS + " connections without a hello came after this one"));
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        isEnded = true;
        deadline.cancel(false);
        strangers.left(this);
    }

    private void end(String reason) {
        if (!isEnded) {
            isEnded = true;
            strangers.left(this);
            strangers.refused(peer, reason);
            channel.close();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf in = (ByteBuf) message;
        if (!isEnded) {
            check(in);
        }
        if (isEnded) {
            in.release();
        } else {
            context.fireChannelRead(in);
        }
    }

    private void check(ByteBuf in) {
        bytes += in.readableBytes();
        if (bytes > MAX_BYTES) {
            end(bytes + " bytes without a hello");
            return;
        }
        for (int at = in.readerIndex(); at < in.writerIndex() && !isEnded; ) {
            if (headerBytes == HEADER_BYTES) {
                int step = (int) Math.min(rest, in.writerIndex() - at);
                at += step;
                rest -= step;
            } else if (headerBytes < Long.BYTES) {
                length = length << Byte.SIZE | in.getUnsignedByte(at++);
                headerBytes++;
                if (headerBytes == Long.BYTES && (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES)) {
                    end("message of " + length + " bytes before a hello");
                }
            } else {
                int type = in.getByte(at++);
                headerBytes++;
                rest = length - HEADER_BYTES;
                if (type != RPC_REQUEST) {
                    end("message of type " + type + " before a hello");
                }
            }
            if (headerBytes == HEADER_BYTES && rest == 0) {
                headerBytes = 0;
                length = 0;
            }
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end("it left without a hello");
        context.fireChannelInactive();
    }
}
