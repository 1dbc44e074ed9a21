package dev.lockstep.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.lockstep.BadInputException;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/** Seeded damage to a good file: a reader answers with a clean read or with one line, and never with anything else. */
final class Damage {
    /** A reader under test. */
    interface Reader {
        void read(byte[] bytes) throws IOException;
    }

    private Damage() {}

    /**
     * @param tries each with 1 to 4 bytes changed, and one in four also cut or lengthened
     * @return how many were refused
     */
    static int refusals(long seed, int tries, byte[] good, Reader reader) {
        int refused = 0;
        for (int i = 0; i < tries; i++) {
            byte[] damaged = damage(new Random(seed + i), good);
            try {
                reader.read(damaged);
            } catch (BadInputException e) {
                refused++;
                assertThat(e.getMessage())
                        .as("seed %d, try %d", seed, i)
                        .startsWith("damaged")
                        .contains("expected", "found")
                        .doesNotContain("\n", "\r", "\u001b");
            } catch (IOException | RuntimeException | Error e) {
                fail("seed " + seed + ", try " + i + ": " + e, e);
            }
        }
        return refused;
    }

    private static byte[] damage(Random random, byte[] good) {
        byte[] damaged = good.clone();
        // Half of all damage goes to the start, where the lengths are.
        int reach = random.nextBoolean() ? Math.min(good.length, 300) : good.length;
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            int at = random.nextInt(reach);
            damaged[at] = switch (random.nextInt(3)) {
                case 0 -> (byte) random.nextInt(256);
                case 1 -> (byte) (damaged[at] ^ 1 << random.nextInt(8));
                default -> new byte[] {0, -1, '0', '9', '"', '{', '}', ',', '\\', 127}[random.nextInt(10)];
            };
        }
        return random.nextInt(4) == 0 ? Arrays.copyOf(damaged, random.nextInt(good.length + 20)) : damaged;
    }
}
