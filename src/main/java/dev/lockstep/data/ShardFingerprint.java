package dev.lockstep.data;

/**
 * The share of one example in the fingerprint of a set, see {@link Shard#fingerprint}: 64 bits that depend on its
 * number, label, shape and pixels. Two CRCs with different polynomials stand for the pixels: both are single
 * instructions or nearly so on today's processors, and together they tell apart pixels as well as one checksum of
 * 64 bits.
 */
final class ShardFingerprint {
    private ShardFingerprint() {}

    /**
     * @param example number of the example in the whole set
     * @param crc32c CRC-32C of its pixel bytes
     * @param crc32 CRC-32 of its pixel bytes
     */
    static long ofExample(int example, int label, int rows, int columns, long crc32c, long crc32) {
        // Each part is mixed in before the next one comes, so that parts cannot cancel each other out.
        long hash = mix(0x9e3779b97f4a7c15L + example);
        hash = mix(hash + label);
        hash = mix(hash + ((long) rows << 32 | columns));
        return mix(hash + (crc32c << 32 | crc32));
    }

    /**
     * The finaliser of SplitMix64 (Stafford's variant 13): a bijection in which every input bit changes about half
     * the output bits.
     */
    private static long mix(long value) {
        long z = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
