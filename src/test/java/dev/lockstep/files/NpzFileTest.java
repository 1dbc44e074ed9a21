package dev.lockstep.files;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.lockstep.BadInputException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.TimeZone;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpzFileTest {
    private static final long SEED = 20260102;

    @Provide
    Arbitrary<List<Tensor>> tensors() {
        return TensorArbitraries.tensors();
    }

    @Property(tries = 1000, seed = "20260102")
    void everyBitComesBack(@ForAll("tensors") List<Tensor> tensors) throws IOException {
        byte[] bytes = write(tensors);
        assertThat(read(bytes)).isEqualTo(tensors);
        assertThat(write(tensors)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"f4.npz", "f4_deflated.npz", "f8.npz", "f4_big_endian.npz", "f8_fortran.npz", "v2_streamed.npz"})
    void readsWhatNumpyWrites(String file) throws IOException {
        assertThat(read(GoldenFiles.bytes(file))).isEqualTo(GoldenFiles.network());
    }

    @Test
    void readsEveryShapeAndEveryBitOfNumpy() throws IOException {
        float[] cube = new float[24];
        for (int i = 0; i < cube.length; i++) {
            cube[i] = i;
        }
        assertThat(read(GoldenFiles.bytes("shapes.npz")))
                .containsExactly(
                        new Tensor("scalar", new int[0], new float[] {2.5f}),
                        new Tensor("empty", new int[] {0, 3}, new float[0]),
                        new Tensor("cube", new int[] {2, 3, 4}, cube),
                        GoldenFiles.special());
    }

    @Test
    void arraysAreTheBytesOfNumpy() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        NpyArray.write(out, GoldenFiles.network().get(0));
        assertThat(out.toByteArray()).isEqualTo(GoldenFiles.bytes("W1.npy"));
        assertThat(NpyArray.lengthBytes(GoldenFiles.network().get(0))).isEqualTo(out.size());
        // Archive and array may not be mixed up: the names of the entries are ours, the arrays NumPy's.
        assertThat(new String(write(GoldenFiles.network()), ISO_8859_1))
                .contains(new String(GoldenFiles.bytes("W1.npy"), ISO_8859_1));
    }

    @Test
    void bytesDependOnNoTimeZone() throws IOException {
        byte[] here = write(GoldenFiles.network());
        TimeZone before = TimeZone.getDefault();
        try {
            TimeZone.setDefault(TimeZone.getTimeZone("Pacific/Kiritimati"));
            assertThat(write(GoldenFiles.network())).isEqualTo(here);
        } finally {
            TimeZone.setDefault(before);
        }
    }

    @Test
    void writerRefusesOneNameTwice() {
        Tensor tensor = new Tensor("a", new int[0], new float[1]);
        assertThatThrownBy(() -> write(List.of(tensor, tensor)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("two tensors are called \"a\"");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), } | at byte 20: expected descr '<f4', '<f8', '>f4' or '>f8', found \"'<i8', 'fortran_orde\"",
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), } | at byte 20: expected descr '<f4'",
                "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), } | at byte 44: expected True or False, found \"0, 'shape': (2,), }\"",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), } | at byte 61: expected a size from 0 to 2147483647",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2), } | at byte 62: expected a comma after the only size",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2), } | expected a comma between two sizes, found \"2), }\"",
                "{'descr': '<f4', 'fortran_order': False, 'shape': [2], } | expected a tuple of sizes, found \"[2], }\"",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), } | expected a size from 0 to 2147483647",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65537), } | at byte 10: expected a shape of at most 2147483639 values, found [65536, 65537]",
                "{'descr': '<f4', 'fortran_order': False, } | at byte 10: expected descr, fortran_order and shape, found no shape",
                "{'descr': '<f4', 'descr': '<f4', } | at byte 27: expected descr, fortran_order and shape, each once, found \"'descr': '<f4', }\"",
                "{'descr': '<f4', 'x': 1, } | at byte 27: expected descr, fortran_order and shape, each once, found \"'x': 1, }\"",
                "{'descr': '<f4', 'shape': (__import__('os'),), } | expected a size from 0 to 2147483647, found \"__import__('os'),), \"",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x | expected only spaces and a newline after the dict, found \"x\"",
                "{'descr': '<f4' 'shape': (2,)} | expected a comma or the dict's closing brace, found \"'shape': (2,)}\"",
                "{'descr | expected a key, found \"'descr\"",
                "[] | at byte 10: expected the dict's opening brace, found \"[]\"",
            })
    void damagedDict(String dict, String message) throws IOException {
        assertRefused(zip("W1.npy", npy(dict, 8)), message);
    }

    @Test
    void plainestAndOddestDict() throws IOException {
        for (String dict : List.of(
                "{\"shape\":(2,),\"fortran_order\":True,\"descr\":\"<f4\"}",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, ), }   \n",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2), }")) {
            assertThat(read(zip("a.npy", npy(dict, 8))).get(0).values()).hasSize(2);
        }
    }

    @Test
    void damagedArray() throws IOException {
        String dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
        byte[] good = npy(dict, 8);
        int values = good.length - 8;
        String entry = "a.npz, entry \"a.npy\" at byte ";
        assertRefused(
                zip("a.npy", new byte[0]), entry + "0: expected the magic \\x93NUMPY and a version, found nothing");
        byte[] magic = good.clone();
        magic[1] = 'X';
        assertRefused(
                zip("a.npy", magic),
                entry + "0: expected the magic \\x93NUMPY and a version, found bytes 93 58 55 4d 50 59 01 00");
        byte[] version = good.clone();
        version[6] = 3;
        assertRefused(zip("a.npy", version), entry + "6: expected version 1.0 or 2.0 of .npy, found 3.0");
        byte[] dictLength = good.clone();
        dictLength[8] = -1;
        assertRefused(
                zip("a.npy", dictLength), entry + good.length + ": expected 190 more bytes of the dict, found the end");
        assertRefused(
                zip("a.npy", Arrays.copyOf(good, 9)),
                entry + "8: expected a dict of at most 65536 bytes, found the end");
        byte[] hugeDict = Arrays.copyOf(good, good.length);
        hugeDict[6] = 2;
        assertRefused(zip("a.npy", hugeDict), entry + "8: expected a dict of at most 65536 bytes");
        assertRefused(
                zip("a.npy", Arrays.copyOf(good, good.length - 1)),
                entry + (good.length - 1) + ": expected 1 more bytes of values, found the end");
        assertRefused(
                zip("a.npy", Arrays.copyOf(good, good.length + 1)),
                entry + good.length + ": expected the end of the array [2], found more bytes");
        byte[] large = npy(dict.replace("f4", "f8"), 16);
        large[values + 14] = (byte) 0xf0;
        large[values + 15] = 0x7e;
        assertRefused(
                zip("a.npy", large),
                entry + (values + 8) + ": expected a number within float32, found 2.7430620343968443E303");
    }

    @Test
    void damagedArchive() throws IOException {
        byte[] good = write(GoldenFiles.network());
        assertRefused(new byte[0], "a.npz at byte 0: expected the end record of a zip archive, found an empty file");
        assertRefused(
                GoldenFiles.bytes("W1.npy"),
                "a.npz at byte 154: expected the end record of a zip archive, found other bytes (not a zip archive, or truncated)");
        assertRefused(
                Arrays.copyOf(good, good.length - 1), "expected the end record of a zip archive, found other bytes");
        assertRefused(
                zip("readme.txt", new byte[3]),
                "a.npz, entry \"readme.txt\" at byte 0: expected an entry NAME.npy, found this name");
        assertRefused(zip(".npy", new byte[3]), "expected an entry NAME.npy");
        byte[] countChanged = good.clone();
        countChanged[good.length - 12]++;
        assertRefused(
                countChanged,
                "a.npz at byte " + (good.length - 12) + ": expected 5 entries as recorded, found 4 of them (damaged)");
        byte[] twice = new String(good, ISO_8859_1).replace("b2.npy", "b1.npy").getBytes(ISO_8859_1);
        assertRefused(twice, "a.npz, entry \"b1.npy\" at byte 0: expected each entry once, found it again");
        byte[] valueChanged = good.clone();
        valueChanged[200]++;
        assertRefused(valueChanged, "expected a whole zip archive before, found invalid entry CRC");
        assertThatThrownBy(() -> NpzFile.read("a.npz", new ByteArrayInputStream(good), good.length + 1))
                .isInstanceOf(BadInputException.class)
                .hasMessage("a.npz at byte " + good.length + ": expected a file of " + (good.length + 1)
                        + " bytes, found " + good.length + " bytes");
        assertRefused(GoldenFiles.bytes("i8.npz"), "expected descr '<f4', '<f8', '>f4' or '>f8', found \"'<i8'");
        assertThat(read(write(List.of()))).isEmpty();
    }

    @Test
    void claimsOfGigabytesCostNothing() {
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> {
            String dict = "{'descr': '<f8', 'fortran_order': True, 'shape': (2147483639,), }";
            assertRefused(
                    zip("a.npy", npy(dict, 8)),
                    "expected at most 67108864 bytes of values, found 17179869112 bytes of values for shape [2147483639]");
            // The same in a stored entry, whose length is known.
            String text = new String(write(GoldenFiles.network()), ISO_8859_1)
                    .replace("(4, 3), }       ", "(400000000, 3), }");
            assertRefused(
                    text.getBytes(ISO_8859_1),
                    "expected 4800000000 bytes of values for shape [400000000, 3], found 48 in an entry of 176 bytes");
        });
    }

    @Test
    void bombIsNotInflated() throws IOException {
        // 80 MB of zeros in 80 kB, and every claim true.
        byte[] zeros = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (20000000,), }", 80_000_000);
        byte[] bomb = zip("a.npy", zeros);
        assertThat(bomb.length).isLessThan(100_000);
        assertRefused(bomb, "expected at most 67108864 bytes of values, found 80000000 bytes of values");
        // As much in two halves: the first is allowed, the sum is not.
        byte[] half = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000,), }", 40_000_000);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream two = new ZipOutputStream(out)) {
            for (String name : List.of("a.npy", "b.npy")) {
                two.putNextEntry(new ZipEntry(name));
                two.write(half);
            }
        }
        assertRefused(out.toByteArray(), "entry \"b.npy\" at byte 74: expected at most 27108864 bytes of values");
    }

    @ParameterizedTest
    @ValueSource(strings = {"f4.npz", "f4_deflated.npz", "f8_fortran.npz", "v2_streamed.npz", "shapes.npz"})
    void damageIsRefusedOrReadAndNothingElse(String file) {
        byte[] good = GoldenFiles.bytes(file);
        int refused = Damage.refusals(
                SEED, 5_000, good, bytes -> NpzFile.read("damaged", new ByteArrayInputStream(bytes), bytes.length));
        assertThat(refused).as("seed %d", SEED).isBetween(3_000, 4_999);
    }

    @ParameterizedTest
    @ValueSource(strings = {"f4.npz", "f4_deflated.npz", "v2_streamed.npz"})
    void everyTruncationIsRefused(String file) {
        byte[] good = GoldenFiles.bytes(file);
        for (int length = 0; length < good.length; length++) {
            byte[] cut = Arrays.copyOf(good, length);
            assertThatThrownBy(() -> read(cut)).as("cut to %d", length).isInstanceOf(BadInputException.class);
        }
    }

    /** A version 1.0 array of this dict, with so many bytes of values, all zero. */
    private static byte[] npy(String dict, int valueBytes) {
        byte[] start = ("\u0093NUMPY\1\0" + (char) dict.length() + "\0" + dict).getBytes(ISO_8859_1);
        return Arrays.copyOf(start, start.length + valueBytes);
    }

    /** A deflated entry, its length written behind it. */
    private static byte[] zip(String entry, byte[] contents) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry(entry));
            zip.write(contents);
        }
        return out.toByteArray();
    }

    private static byte[] write(List<Tensor> tensors) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        NpzFile.write(out, tensors);
        return out.toByteArray();
    }

    private static List<Tensor> read(byte[] bytes) throws IOException {
        return NpzFile.read("a.npz", new ByteArrayInputStream(bytes), bytes.length);
    }

    private static void assertRefused(byte[] bytes, String message) {
        assertThatThrownBy(() -> read(bytes))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("a.npz")
                .hasMessageContaining(message);
    }
}
