package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.ParameterTensor;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import dev.lockstep.step.FrameLayout.MalformedFrameException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AddLifecycleHook;

@AddLifecycleHook(LeakCheck.class)
class ParameterCodecProperties {
    @Provide
    static Arbitrary<NetworkShape> shapes() {
        return Combinators.combine(
                        Arbitraries.integers().between(1, 200),
                        Arbitraries.integers().between(1, 40),
                        Arbitraries.integers().between(1, 12))
                .as(NetworkShape::new);
    }

    /** Any bits at all, NaNs and negative zeros among them, but zeros in the padding. */
    private static Parameters anyBits(NetworkShape shape, Random random) {
        Parameters p = new Parameters(shape);
        for (ParameterTensor tensor : ParameterTensor.values()) {
            for (int i = 0; i < p.length(tensor); i++) {
                int bits = random.nextInt(4) == 0 ? 0x80000000 : random.nextInt();
                p.set(tensor, i, Float.intBitsToFloat(bits));
            }
        }
        return p;
    }

    private static BitSet someRows(NetworkShape shape, Random random) {
        BitSet rows = new BitSet();
        double density = new double[] {0, 0.1, 0.65, 1}[random.nextInt(4)];
        for (int row = 0; row < shape.inputs(); row++) {
            rows.set(row, random.nextDouble() < density);
        }
        return rows;
    }

    private static void copyRows(Parameters from, BitSet rows, Parameters to) {
        int stride = from.shape().paddedHidden();
        for (int row = rows.nextSetBit(0); row >= 0; row = rows.nextSetBit(row + 1)) {
            for (int j = 0; j < stride; j++) {
                to.all().set(row * stride + j, from.all().get(row * stride + j));
            }
        }
        for (int i = from.shape().inputs() * stride; i < from.all().length(); i++) {
            to.all().set(i, from.all().get(i));
        }
    }

    @Property(seed = "31", tries = 300, edgeCases = EdgeCasesMode.NONE)
    void whatTravelsArrivesAndTheRestStaysOrIsZero(@ForAll("shapes") NetworkShape shape, @ForAll long seed) {
        Random random = new Random(seed);
        ParameterCodec codec = new ParameterCodec(shape, KernelChoice.AUTO.kernels());
        BitSet rows = someRows(shape, random);
        int offset = random.nextInt(9);
        try (Parameters sent = anyBits(shape, random);
                Parameters before = anyBits(shape, random);
                Parameters kept = before.copy();
                Parameters expectedKept = before.copy();
                Parameters expectedZeroed = new Parameters(shape)) {
            ByteBuffer wire = FrameLayout.room(offset + codec.maxBytes()).position(offset);
            assertThat(codec.write(sent, rows::get, wire)).isEqualTo(rows.cardinality());
            int end = wire.position();
            assertThat((long) end - offset)
                    .isLessThanOrEqualTo(codec.maxBytes())
                    .isEqualTo(formBytes(shape, rows.cardinality()));
            copyRows(sent, rows, expectedKept);
            copyRows(sent, rows, expectedZeroed);
            for (boolean zeroOthers : new boolean[] {false, true}) {
                kept.copyFrom(before);
                wire.limit(end + random.nextInt(wire.capacity() - end + 1)).position(offset);
                assertThat(codec.length(wire)).isEqualTo(end - offset);
                assertThat(wire.position()).isEqualTo(offset);
                codec.read(wire, kept, zeroOthers);
                assertThat(wire.position()).isEqualTo(end);
                RandomNet.assertSameBits(
                        "zero others: " + zeroOthers, kept, zeroOthers ? expectedZeroed : expectedKept);
            }
        }
    }

    private static long formBytes(NetworkShape shape, int rows) {
        long floats = (long) shape.hidden() * (rows + 1 + shape.outputs()) + shape.outputs();
        return (shape.inputs() + 63) / 64 * 8L + 4 * floats;
    }

    @Property(seed = "32", tries = 200, edgeCases = EdgeCasesMode.NONE)
    void rowsAreComparedBitByBit(@ForAll("shapes") NetworkShape shape, @ForAll long seed) {
        Random random = new Random(seed);
        ParameterCodec codec = new ParameterCodec(shape, KernelChoice.AUTO.kernels());
        int row = random.nextInt(shape.inputs());
        int at = row * shape.paddedHidden() + random.nextInt(shape.hidden());
        try (Parameters p = anyBits(shape, random);
                Parameters q = p.copy();
                Parameters zero = new Parameters(shape)) {
            assertThat(codec.takeOver(p, q, row)).isFalse();
            int flipped = Float.floatToRawIntBits(q.all().get(at)) ^ 1 << random.nextInt(Integer.SIZE);
            q.all().set(at, Float.intBitsToFloat(flipped));
            assertThat(codec.isZero(zero, row)).isTrue();
            zero.all().set(at, -0f);
            for (int other = 0; other < shape.inputs(); other++) {
                boolean isChanged = Float.floatToRawIntBits(p.all().get(at))
                        != Float.floatToRawIntBits(q.all().get(at));
                assertThat(codec.takeOver(q, p, other)).isEqualTo(other == row && isChanged);
                assertThat(codec.isZero(zero, other)).as("-0.0 says something").isEqualTo(other != row);
            }
            RandomNet.assertSameBits("taken over", p, q);
        }
    }

    /** Cut off anywhere, or with bits for rows that do not exist: refused, and never an index out of bounds. */
    @Property(seed = "33", tries = 150, edgeCases = EdgeCasesMode.NONE)
    void damagedFormsAreRefused(@ForAll("shapes") NetworkShape shape, @ForAll long seed) {
        Random random = new Random(seed);
        ParameterCodec codec = new ParameterCodec(shape, KernelChoice.AUTO.kernels());
        try (Parameters p = anyBits(shape, random)) {
            ByteBuffer wire = FrameLayout.room(codec.maxBytes());
            BitSet rows = someRows(shape, random);
            codec.write(p, rows::get, wire);
            int length = wire.position();
            for (int i = 0; i < 20; i++) {
                assertRefused(
                        codec, wire.duplicate().order(ByteOrder.LITTLE_ENDIAN).limit(random.nextInt(length)));
            }
            assertRefused(codec, wire.duplicate().order(ByteOrder.LITTLE_ENDIAN).limit(length - 1));
            int unused = shape.inputs() % Long.SIZE;
            if (unused != 0) {
                int lastWord = shape.inputs() / Long.SIZE * Long.BYTES;
                int bit = unused + random.nextInt(Long.SIZE - unused);
                wire.putLong(lastWord, wire.getLong(lastWord) | 1L << bit);
                assertRefused(codec, wire.limit(wire.capacity()));
            }
        }
    }

    private static void assertRefused(ParameterCodec codec, ByteBuffer wire) {
        assertThatExceptionOfType(MalformedFrameException.class)
                .isThrownBy(() -> codec.length(wire.position(0)))
                .withMessageMatching("(bytes|bits) .*: expected \\d+, found -?\\d+");
    }

    @Property(seed = "34", tries = 500, edgeCases = EdgeCasesMode.NONE)
    void randomBytesHaveALengthWithinTheBufferOrAreRefused(@ForAll("shapes") NetworkShape shape, @ForAll long seed) {
        Random random = new Random(seed);
        ParameterCodec codec = new ParameterCodec(shape, KernelChoice.AUTO.kernels());
        byte[] bytes = new byte[random.nextInt((int) codec.maxBytes() + 100)];
        random.nextBytes(bytes);
        ByteBuffer wire = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        try (Parameters p = new Parameters(shape)) {
            assertThat(codec.length(wire)).isBetween(1, bytes.length);
            codec.read(wire, p, true);
        } catch (MalformedFrameException e) {
            assertThat(wire.position()).isZero();
        }
    }

    @Example
    void aFormOfMnistWithoutAThirdOfItsRowsIsAThirdShorter() {
        NetworkShape shape = new NetworkShape(784, 50, 10);
        ParameterCodec codec = new ParameterCodec(shape, KernelChoice.AUTO.kernels());
        assertThat(codec.maxBytes()).isEqualTo(13 * 8 + 4 * shape.parameters());
        try (Parameters p = new Parameters(shape)) {
            ByteBuffer wire = FrameLayout.room(codec.maxBytes());
            codec.write(p, row -> row % 3 != 0, wire);
            assertThat(wire.position()).isEqualTo(13 * 8 + 4 * (522 * 50 + 50 + 500 + 10));
        }
    }
}
