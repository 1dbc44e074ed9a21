package dev.lockstep.step;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;

/** Makes frames that are random, true, or true but for some bytes. Everything follows from the seed. */
final class ExchangeFuzz {
    private static final int MAX_RANDOM_BYTES = 200;

    private final Random random;
    private final long maxFrameBytes;

    ExchangeFuzz(long seed, long maxFrameBytes) {
        this.random = new Random(seed);
        this.maxFrameBytes = maxFrameBytes;
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    /** One of these, as it is or spoiled; or noise. */
    byte[] frame(List<ByteBuffer> real) {
        ByteBuffer from = real.get(random.nextInt(real.size()));
        byte[] bytes = new byte[from.remaining()];
        from.get(from.position(), bytes);
        switch (random.nextInt(10)) {
            case 0, 1 -> {} // as it is: replayed, or out of order
            case 2 -> {
                bytes = new byte[random.nextInt(MAX_RANDOM_BYTES)];
                random.nextBytes(bytes);
            }
            case 3 -> bytes = resized(bytes);
            case 4 -> putInt(bytes, FrameLayout.BODY_LENGTH_OFFSET, length());
            case 5 -> putInt(bytes, 4 * random.nextInt(FrameLayout.HEADER_BYTES / 4), number());
            case 6 -> putInt(bytes, FrameLayout.HEADER_BYTES + 4 * random.nextInt(8), number());
            default -> {
                for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
            }
        }
        return bytes;
    }

    /** Cut off or made longer, with a body length that says so or not. */
    private byte[] resized(byte[] bytes) {
        byte[] other = java.util.Arrays.copyOf(bytes, Math.max(1, bytes.length + random.nextInt(80) - 40));
        if (random.nextBoolean()) {
            putInt(other, FrameLayout.BODY_LENGTH_OFFSET, other.length - FrameLayout.HEADER_BYTES);
        }
        return other;
    }

    /** Around the limit and beyond. */
    private int length() {
        int limit = (int) maxFrameBytes - FrameLayout.HEADER_BYTES;
        return ExchangeFrames.pick(
                random, limit, limit - 1, limit + 1, Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 0, random.nextInt());
    }

    private int number() {
        return ExchangeFrames.pick(
                random, -1, 0, 1, 8, 9, random.nextInt(13), Integer.MAX_VALUE, Integer.MIN_VALUE, random.nextInt());
    }

    private static void putInt(byte[] bytes, int offset, int value) {
        if (offset + Integer.BYTES <= bytes.length) {
            ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(offset, value);
        }
    }
}
