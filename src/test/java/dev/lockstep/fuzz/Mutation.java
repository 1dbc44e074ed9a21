package dev.lockstep.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/**
 * One change to a file, of those that find what readers forget to check: a length that lies, a cut, a piece that is
 * there twice or not at all, a byte that changes the syntax.
 *
 * @param kind what is done
 * @param place where, as a share of the file's length; half of all are in the first 64 bytes
 * @param value what is put there, or how long the piece is
 */
public record Mutation(Kind kind, double place, long value) {
    private static final int HEADER_BYTES = 64;
    private static final long[] NOTABLE = {
        0,
        1,
        -1,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0xffff,
        0x10000,
        0xffffff,
        0x7fffffff,
        0x80000000L,
        0xffffffffL,
        1L << 40,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MAX_VALUE - 7
    };
    private static final byte[] SYNTAX =
            "{}[]\"':,\\()0-9.eE#=!\n\r \0u<>f\u007fPK".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);

    /** Kinds of change. */
    public enum Kind {
        BIT,
        BYTE,
        SYNTAX,
        SHORT,
        INT,
        LONG,
        INT_BIG_ENDIAN,
        REMOVE,
        REPEAT,
        DIGITS,
        CUT,
        LENGTHEN
    }

    /** One to five changes. */
    public static Arbitrary<List<Mutation>> several() {
        Arbitrary<Double> places = Arbitraries.oneOf(
                Arbitraries.doubles().between(0, 1), Arbitraries.doubles().between(-1, 0));
        Arbitrary<Long> values = Arbitraries.oneOf(
                Arbitraries.longs(),
                Arbitraries.longs().between(0, 300),
                Arbitraries.of(Arrays.stream(NOTABLE).boxed().toArray(Long[]::new)));
        return Combinators.combine(Arbitraries.of(Kind.class), places, values)
                .as(Mutation::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(5);
    }

    /** The bytes after all changes; those that are given stay as they are. */
    public static byte[] apply(List<Mutation> mutations, byte[] bytes) {
        byte[] changed = bytes.clone();
        for (Mutation mutation : mutations) {
            changed = mutation.apply(changed);
        }
        return changed;
    }

    private byte[] apply(byte[] bytes) {
        if (bytes.length == 0) {
            return new byte[] {(byte) value};
        }
        int reach = place < 0 ? Math.min(bytes.length, HEADER_BYTES) : bytes.length;
        int at = Math.min((int) (Math.abs(place) * reach), bytes.length - 1);
        int piece = 1 + (int) Math.floorMod(value, Math.min(300L, bytes.length - at));
        byte[] changed = bytes.clone();
        switch (kind) {
            case BIT -> changed[at] ^= (byte) (1 << (value & 7));
            case BYTE -> changed[at] = (byte) value;
            case SYNTAX -> changed[at] = SYNTAX[(int) Math.floorMod(value, (long) SYNTAX.length)];
            case SHORT -> put(changed, at, Short.BYTES, ByteOrder.LITTLE_ENDIAN);
            case INT -> put(changed, at, Integer.BYTES, ByteOrder.LITTLE_ENDIAN);
            case LONG -> put(changed, at, Long.BYTES, ByteOrder.LITTLE_ENDIAN);
            case INT_BIG_ENDIAN -> put(changed, at, Integer.BYTES, ByteOrder.BIG_ENDIAN);
            case REMOVE -> changed = join(bytes, at, new byte[0], at + piece);
            case REPEAT -> changed = join(bytes, at, Arrays.copyOfRange(bytes, at, at + piece), at);
            case DIGITS -> changed = digits(bytes, at);
            case CUT -> changed = Arrays.copyOf(bytes, at);
            case LENGTHEN -> changed = Arrays.copyOf(bytes, bytes.length + piece);
        }
        return changed;
    }

    /** The next number in decimal digits becomes another. */
    private byte[] digits(byte[] bytes, int from) {
        int start = from;
        while (start < bytes.length && (bytes[start] < '0' || bytes[start] > '9')) {
            start++;
        }
        int end = start;
        while (end < bytes.length && bytes[end] >= '0' && bytes[end] <= '9') {
            end++;
        }
        return join(bytes, start, Long.toString(value).getBytes(java.nio.charset.StandardCharsets.ISO_8859_1), end);
    }

    private void put(byte[] bytes, int at, int width, ByteOrder order) {
        ByteBuffer number = ByteBuffer.allocate(Long.BYTES).order(order);
        number.putLong(0, order == ByteOrder.BIG_ENDIAN ? value << (Long.SIZE - 8 * width) : value);
        int count = Math.min(width, bytes.length - at);
        number.get(0, bytes, at, count);
    }

    private static byte[] join(byte[] bytes, int headEnd, byte[] middle, int tailStart) {
        byte[] joined = Arrays.copyOf(bytes, headEnd + middle.length + bytes.length - tailStart);
        System.arraycopy(middle, 0, joined, headEnd, middle.length);
        System.arraycopy(bytes, tailStart, joined, headEnd + middle.length, bytes.length - tailStart);
        return joined;
    }
}
