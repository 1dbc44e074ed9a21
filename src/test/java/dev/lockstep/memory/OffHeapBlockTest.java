package dev.lockstep.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class OffHeapBlockTest {
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 3, 63, 64, 65, 4096, 1_000_003})
    void isAlignedZeroedAndExactlyAsLongAsAsked(long lengthBytes) {
        // Dirty memory first, which malloc may well hand out again.
        try (OffHeapBlock dirt = OffHeapBlock.allocate(lengthBytes, "dirt")) {
            ByteArray bytes = dirt.bytes();
            for (int i = 0; i < bytes.length(); i++) {
                bytes.set(i, 0xaa);
            }
        }
        try (OffHeapBlock block = OffHeapBlock.allocate(lengthBytes, "test")) {
            ByteArray bytes = block.bytes();
            assertThat(block.lengthBytes()).isEqualTo((int) lengthBytes);
            assertThat(bytes.length()).isEqualTo((int) lengthBytes);
            assertThat(bytes.buffer().isDirect()).isTrue();
            assertThat(bytes.buffer().alignmentOffset(0, OffHeapBlock.ALIGNMENT_BYTES))
                    .isZero();
            for (int i = 0; i < bytes.length(); i++) {
                assertThat(bytes.get(i)).isZero();
            }
        }
    }

    @Test
    void everyViewReadsBackWhatItWrote() {
        try (OffHeapBlock block = OffHeapBlock.allocate(64, "test")) {
            FloatArray floats = block.floats(4, 3);
            floats.set(2, -0.5f);
            assertThat(floats.get(2)).isEqualTo(-0.5f);
            assertThat(floats.buffer().get(2)).isEqualTo(-0.5f);
            IntArray ints = block.ints(16, 3);
            ints.set(0, Integer.MIN_VALUE);
            assertThat(ints.get(0)).isEqualTo(Integer.MIN_VALUE);
            assertThat(ints.buffer().get(0)).isEqualTo(Integer.MIN_VALUE);
            assertThat(floats.length()).isEqualTo(3);
            assertThat(ints.length()).isEqualTo(3);
        }
    }

    @Test
    void bytesAreUnsigned() {
        try (OffHeapBlock block = OffHeapBlock.allocate(8, "test")) {
            ByteArray bytes = block.bytes(6, 2);
            bytes.set(0, 255);
            assertThat(bytes.get(0)).isEqualTo(255);
            bytes.set(1, 128);
            assertThat(bytes.get(1)).isEqualTo(128);
        }
    }

    @Test
    void memoryIsLittleEndianWhateverTheMachine() {
        try (OffHeapBlock block = OffHeapBlock.allocate(16, "test")) {
            block.ints(0, 1).set(0, 0x01020304);
            block.floats(8, 1).set(0, 1f);
            ByteArray bytes = block.bytes();
            assertThat(List.of(bytes.get(0), bytes.get(1), bytes.get(2), bytes.get(3)))
                    .containsExactly(4, 3, 2, 1);
            assertThat(List.of(bytes.get(8), bytes.get(9), bytes.get(10), bytes.get(11)))
                    .containsExactly(0, 0, 0x80, 0x3f);
            assertThat(bytes.buffer().order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
            assertThat(block.floats(8, 1).rawBytes().getFloat(0)).isEqualTo(1f);
        }
    }

    @Test
    void viewsAndSlicesShareTheMemory() {
        try (OffHeapBlock block = OffHeapBlock.allocate(40, "test")) {
            FloatArray whole = block.floats(0, 10);
            FloatArray slice = whole.slice(3, 4);
            assertThat(slice.length()).isEqualTo(4);
            slice.set(1, 7f);
            assertThat(whole.get(4)).isEqualTo(7f);
            whole.set(6, 8f);
            assertThat(slice.get(3)).isEqualTo(8f);
            assertThat(slice.slice(3, 1).get(0)).isEqualTo(8f);
            assertThat(slice.rawBytes().capacity()).isEqualTo(16);
            whole.fill(2f);
            assertThat(slice.get(0)).isEqualTo(2f);
            assertThat(whole.slice(10, 0).length()).isZero();
        }
    }

    @Test
    void copyFromTakesAnArrayOfTheSameLength() {
        try (OffHeapBlock block = OffHeapBlock.allocate(32, "test")) {
            FloatArray source = block.floats(0, 4);
            FloatArray target = block.floats(16, 4);
            for (int i = 0; i < 4; i++) {
                source.set(i, i + 0.25f);
            }
            target.copyFrom(source);
            assertThat(target.get(0)).isEqualTo(0.25f);
            assertThat(target.get(3)).isEqualTo(3.25f);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> target.copyFrom(source.slice(0, 3)))
                    .withMessage("copy: expected 4 floats, found 3");
        }
    }

    @Test
    void everyAccessIsCheckedAgainstTheBoundsOfItsView() {
        try (OffHeapBlock block = OffHeapBlock.allocate(64, "test")) {
            FloatArray floats = block.floats(4, 2);
            IntArray ints = block.ints(4, 2);
            ByteArray bytes = block.bytes(4, 2);
            for (int outside : new int[] {-1, 2, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                assertOutOfBounds(() -> floats.get(outside));
                assertOutOfBounds(() -> floats.set(outside, 1));
                assertOutOfBounds(() -> ints.get(outside));
                assertOutOfBounds(() -> ints.set(outside, 1));
                assertOutOfBounds(() -> bytes.get(outside));
                assertOutOfBounds(() -> bytes.set(outside, 1));
                assertOutOfBounds(() -> floats.buffer().get(outside));
            }
            assertOutOfBounds(() -> floats.slice(1, 2));
            assertOutOfBounds(() -> floats.slice(-1, 1));
            assertOutOfBounds(() -> floats.slice(0, 3));
        }
    }

    @Test
    void noViewReachesBeyondTheBlockOrStandsUnaligned() {
        try (OffHeapBlock block = OffHeapBlock.allocate(63, "test")) {
            assertOutOfBounds(() -> block.floats(0, 16));
            assertOutOfBounds(() -> block.floats(60, 1));
            assertOutOfBounds(() -> block.floats(2, 1));
            assertOutOfBounds(() -> block.ints(1, 1));
            assertOutOfBounds(() -> block.ints(-4, 1));
            assertOutOfBounds(() -> block.ints(0, -1));
            assertOutOfBounds(() -> block.ints(0, 1 << 30));
            assertOutOfBounds(() -> block.bytes(63, 1));
            assertOutOfBounds(() -> block.bytes(0, Integer.MAX_VALUE));
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> block.floats(60, 1))
                    .withMessageContainingAll("test", "60", "63");
            assertThat(block.bytes(63, 0).length()).isZero();
            assertThat(block.bytes(62, 1).length()).isEqualTo(1);
        }
    }

    @Test
    void aViewOfAnotherKindIsMadeOnceAndOfTheSameMemory() {
        OffHeapBlock block = OffHeapBlock.allocate(64, "test");
        FloatArray floats = block.floats(8, 2);
        ByteArray bytes = block.bytes();
        Object ofFloats = floats.view(MemorySegmentLike::new);
        Object ofBytes = bytes.view(MemorySegmentLike::new);
        assertThat(floats.view(MemorySegmentLike::new)).isSameAs(ofFloats);
        assertThat(bytes.view(MemorySegmentLike::new)).isSameAs(ofBytes);
        floats.set(1, 1f);
        assertThat(((MemorySegmentLike) ofFloats).memory().getFloat(4)).isEqualTo(1f);
        assertThat(((MemorySegmentLike) ofBytes).memory().getFloat(12)).isEqualTo(1f);
        block.close();
        assertThatIllegalStateException().isThrownBy(() -> floats.view(MemorySegmentLike::new));
        assertThatIllegalStateException().isThrownBy(() -> bytes.view(MemorySegmentLike::new));
    }

    private record MemorySegmentLike(ByteBuffer memory) {}

    @Test
    void aClosedBlockRefusesUseThroughEveryView() {
        OffHeapBlock block = OffHeapBlock.allocate(64, "gradient");
        FloatArray floats = block.floats(0, 4);
        FloatArray slice = floats.slice(1, 2);
        IntArray ints = block.ints(0, 4);
        ByteArray bytes = block.bytes();
        FloatMatrix matrix = new FloatMatrix(floats, 2, 2);
        assertThat(block.isOpen()).isTrue();
        block.close();
        assertThat(block.isOpen()).isFalse();
        List<ThrowingCallable> uses = List.of(
                () -> floats.get(0),
                () -> floats.set(0, 1),
                floats::buffer,
                floats::rawBytes,
                () -> floats.slice(0, 1),
                () -> floats.fill(0),
                () -> floats.copyFrom(floats),
                () -> slice.get(0),
                () -> matrix.get(0, 0),
                () -> matrix.set(0, 0, 1),
                () -> ints.get(0),
                () -> ints.set(0, 1),
                ints::buffer,
                () -> bytes.get(0),
                () -> bytes.set(0, 1),
                bytes::buffer,
                () -> block.floats(0, 1),
                () -> block.ints(0, 1),
                block::bytes);
        for (int i = 0; i < uses.size(); i++) {
            assertThatIllegalStateException()
                    .as("use %d", i)
                    .isThrownBy(uses.get(i))
                    .withMessageContainingAll("gradient", "closed");
        }
    }

    @Test
    void aSecondCloseIsAnErrorAndCountsNothing() {
        OffHeapBlock block = OffHeapBlock.allocate(64, "weights");
        block.close();
        long bytesInUse = MemoryGauge.process().bytesInUse();
        assertThatIllegalStateException().isThrownBy(block::close).withMessageContainingAll("weights", "closed");
        assertThat(MemoryGauge.process().bytesInUse()).isEqualTo(bytesInUse);
    }

    @Test
    void theGaugeCountsBlocksBytesAndThePeak() {
        MemoryGauge gauge = MemoryGauge.process();
        long bytes = gauge.bytesInUse();
        long blocks = gauge.blocksInUse();
        long more = gauge.peakBytes() - bytes + 1000;
        OffHeapBlock large = OffHeapBlock.allocate(more, "test");
        OffHeapBlock small = OffHeapBlock.allocate(24, "test");
        assertThat(gauge.bytesInUse()).isEqualTo(bytes + more + 24);
        assertThat(gauge.blocksInUse()).isEqualTo(blocks + 2);
        assertThat(gauge.peakBytes()).isEqualTo(bytes + more + 24);
        large.close();
        assertThat(gauge.bytesInUse()).isEqualTo(bytes + 24);
        assertThat(gauge.peakBytes()).isEqualTo(bytes + more + 24);
        small.close();
        assertThat(gauge.bytesInUse()).isEqualTo(bytes);
        assertThat(gauge.blocksInUse()).isEqualTo(blocks);
    }

    @ParameterizedTest
    @ValueSource(
            longs = {-1, -64, -65, Long.MIN_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE - 126L, 1L << 31, 1L << 40})
    void negativeAndHugeLengthsAreRefused(long lengthBytes) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OffHeapBlock.allocate(lengthBytes, "batch").close())
                .withMessageContainingAll("batch", String.valueOf(lengthBytes));
    }

    private static void assertOutOfBounds(ThrowingCallable access) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(access);
    }
}
